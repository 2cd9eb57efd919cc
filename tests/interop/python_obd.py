"""python-OBD, on which most hobby programs are built, at our ELM327; and at a foreign one, to show the test itself."""

import logging
from concurrent.futures import ThreadPoolExecutor

import obd
import pytest

from harness.doip import activated
from harness.ecu import CLONES, VIN
from harness.emulator import VINS

obd.logger.setLevel(logging.CRITICAL)

CONNECTS, AT_ONCE = 100, 10


def connect(port, **options):
    connection = obd.OBD(port, fast=False, **options)
    assert connection.status() == obd.OBDStatus.CAR_CONNECTED, f"{port}: {connection.status()}"
    return connection


def read(connection, command):
    assert connection.supports(command), f"{command.name} is not among what the ECU supports"
    response = connection.query(command)
    assert not response.is_null(), f"no answer to {command.name}"
    return response.value


def connect_and_read(port):
    connection = connect(port)
    try:
        assert read(connection, obd.commands.VIN) == VIN.encode()
        assert 11 < read(connection, obd.commands.ELM_VOLTAGE).magnitude < 15
        assert connection.protocol_id() == "6"
    finally:
        connection.close()


@pytest.mark.parametrize("port", ["tcp", "pty"])
@pytest.mark.timeout(300)
def test_a_hundred_connects_without_a_baud_rate_all_read_the_vin(start_ecu, port):
    # It sleeps three seconds a connect, so ten units are read at a time, each over and over.
    ecus = [start_ecu(folder=f"unit-{number}") for number in range(AT_ONCE)]
    ports = ["socket://{}:{}".format(*ecu.tcp("elm327")) if port == "tcp" else ecu.pty("elm327") for ecu in ecus]

    def over_and_over(port):
        for _ in range(CONNECTS // AT_ONCE):
            connect_and_read(port)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [pool.submit(over_and_over, port) for port in ports]:
            done.result()


@pytest.mark.parametrize("clone", CLONES)
def test_every_copy_of_the_chip_is_read(start_ecu, clone):
    connect_and_read("socket://{}:{}".format(*start_ecu("--clone", clone).tcp("elm327")))


def test_trouble_codes_are_those_that_uds_reports(ecu):
    with activated(ecu.tcp("doip")) as doip:
        confirmed = doip.ask(bytes.fromhex("19 02 08"))[3:]
    records = [confirmed[at : at + 4] for at in range(0, len(confirmed), 4)]
    connection = connect("socket://{}:{}".format(*ecu.tcp("elm327")))
    codes = [code for code, _ in read(connection, obd.commands.GET_DTC)]
    connection.close()
    assert codes == [f"{'PCBU'[r[0] >> 6]}{r[0] >> 4 & 3}{r[0] & 15:X}{r[1]:02X}" for r in records]


def test_a_connection_that_is_cut_leaves_the_adapter_usable(ecu):
    address = ecu.tcp("elm327")
    for _ in range(3):
        connection = connect("socket://{}:{}".format(*address))
        connection.interface._ELM327__port.close()
    connect_and_read("socket://{}:{}".format(*address))


def test_the_foreign_elm327_is_read_the_same_way(start_emulator):
    # The emulator answers nothing at all to the two bytes that look for a baud rate.
    emulator = start_emulator()
    connection = connect("socket://{}:{}".format(*emulator.address), baudrate=38400)
    stripped = read(connection, obd.commands.VIN).decode()
    assert any(stripped and stripped in vin for vin in VINS), stripped
    assert 11 < read(connection, obd.commands.ELM_VOLTAGE).magnitude < 15
    connection.close()
