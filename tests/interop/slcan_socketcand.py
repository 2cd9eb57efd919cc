"""python-can and can-isotp, on the serial CAN adapter and the CAN daemon that our ECU pretends to be."""

import time
from contextlib import contextmanager

import can
import isotp
import pytest
from udsoncan.client import Client
from udsoncan.connections import PythonIsoTpConnection

from harness.ecu import VIN
from harness.uds import DIDS, configuration, read, refusal

REQUEST, RESPONSE, FUNCTIONAL = 0x7E0, 0x7E8, 0x7DF
WIRES = ["slcan", "socketcand"]


@contextmanager
def bus_of(ecu, wire):
    if wire == "slcan":
        bus = can.Bus(interface="slcan", channel=ecu.pty("slcan"), bitrate=500_000, sleep_after_open=0.1)
    else:
        host, port = ecu.tcp("socketcand")
        bus = can.Bus(interface="socketcand", host=host, port=port, channel="can0", tcp_tune=True)
    try:
        yield bus
    finally:
        bus.shutdown()


@contextmanager
def client_on(bus, **parameters):
    address = isotp.Address(isotp.AddressingMode.Normal_11bits, txid=REQUEST, rxid=RESPONSE)
    stack = isotp.CanStack(bus, address=address, params={"tx_padding": 0xCC, **parameters})
    with Client(PythonIsoTpConnection(stack), config=configuration()) as client:
        yield client


def frame(identifier, data):
    return can.Message(arbitration_id=identifier, data=bytes.fromhex(data), is_extended_id=False)


def heard(bus, within_s):
    """All frames of the ECU within a time."""
    frames, deadline = [], time.monotonic() + within_s
    while (left := deadline - time.monotonic()) > 0:
        received = bus.recv(left)
        if received is not None and received.arbitration_id == RESPONSE:
            frames.append(bytes(received.data))
    return frames


@pytest.mark.parametrize("wire", WIRES)
def test_the_vin_is_read_in_several_frames(ecu, wire):
    with bus_of(ecu, wire) as bus, client_on(bus) as client:
        assert read(client, 0xF190) == VIN.encode()


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("flow", [{"blocksize": 1}, {"blocksize": 2, "stmin": 5}, {"stmin": 0xF5}, {"stmin": 20}])
def test_our_flow_control_is_heeded(ecu, wire, flow):
    with bus_of(ecu, wire) as bus, client_on(bus, **flow) as client:
        for did in DIDS:
            assert read(client, did)


@pytest.mark.parametrize("wire", WIRES)
def test_a_pause_between_frames_is_kept(ecu, wire):
    with bus_of(ecu, wire) as bus:
        bus.send(frame(REQUEST, "03 22 f1 90 cc cc cc cc"))
        assert heard(bus, 0.3)[0][0] == 0x10
        bus.send(frame(REQUEST, "30 00 64 cc cc cc cc cc"))
        started = time.monotonic()
        first = bus.recv(2)
        second = bus.recv(2)
        assert (first.data[0], second.data[0]) == (0x21, 0x22)
        assert time.monotonic() - started >= 0.1


@pytest.mark.parametrize("wire", WIRES)
def test_a_wait_frame_makes_the_ecu_wait_and_an_overflow_makes_it_stop(ecu, wire):
    with bus_of(ecu, wire) as bus:
        bus.send(frame(REQUEST, "03 22 f1 90 cc cc cc cc"))
        assert heard(bus, 0.3)[0][0] == 0x10
        bus.send(frame(REQUEST, "31 00 00 cc cc cc cc cc"))
        assert heard(bus, 0.5) == []
        bus.send(frame(REQUEST, "30 00 00 cc cc cc cc cc"))
        assert [data[0] for data in heard(bus, 0.5)] == [0x21, 0x22]
        bus.send(frame(REQUEST, "03 22 f1 90 cc cc cc cc"))
        assert heard(bus, 0.3)[0][0] == 0x10
        bus.send(frame(REQUEST, "32 00 00 cc cc cc cc cc"))
        assert heard(bus, 0.5) == []
        bus.send(frame(REQUEST, "02 3e 00 cc cc cc cc cc"))
        assert heard(bus, 0.5)[0][:3] == bytes.fromhex("02 7e 00")


@pytest.mark.parametrize("wire", WIRES)
def test_without_flow_control_the_ecu_gives_up_and_answers_the_next_request(ecu, wire):
    with bus_of(ecu, wire) as bus:
        bus.send(frame(REQUEST, "03 22 f1 90 cc cc cc cc"))
        assert len(heard(bus, 1.5)) == 1
        bus.send(frame(REQUEST, "02 3e 00 cc cc cc cc cc"))
        assert heard(bus, 0.5)[0][:3] == bytes.fromhex("02 7e 00")


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("length", [8, 100, 4095])
def test_a_long_request_is_taken_frame_by_frame_and_then_judged(ecu, wire, length):
    with bus_of(ecu, wire) as bus, client_on(bus) as client:
        client.change_session(3)
        key = bytes(length - 2)
        assert refusal(client.send_key, 2, key) in (0x13, 0x24)


@pytest.mark.parametrize("wire", WIRES)
def test_a_functional_request_is_answered_in_single_frames_and_in_vain_not_at_all(ecu, wire):
    with bus_of(ecu, wire) as bus:
        bus.send(frame(FUNCTIONAL, "02 01 00 cc cc cc cc cc"))
        assert heard(bus, 0.5)[0][:3] == bytes.fromhex("06 41 00")
        bus.send(frame(FUNCTIONAL, "02 ba 00 cc cc cc cc cc"))
        bus.send(frame(FUNCTIONAL, "03 22 12 34 cc cc cc cc"))
        bus.send(frame(FUNCTIONAL, "02 3e 80 cc cc cc cc cc"))
        bus.send(frame(FUNCTIONAL, "10 08 22 f1 90 f1 87 f1"))
        assert heard(bus, 0.5) == []


@pytest.mark.parametrize("wire", WIRES)
def test_frames_that_belong_to_nothing_are_ignored(ecu, wire):
    with bus_of(ecu, wire) as bus:
        for stray in ("21 00 00 00 00 00 00 00", "30 00 00", "00", "0f 22 f1 90", "40 00", "10 02 3e 00", "", "08 22"):
            bus.send(frame(REQUEST, stray))
        bus.send(frame(0x123, "02 3e 00"))
        assert heard(bus, 0.5) == []
        bus.send(frame(REQUEST, "02 3e 00"))
        assert heard(bus, 0.5)[0][:3] == bytes.fromhex("02 7e 00")


@pytest.mark.parametrize("wire", WIRES)
def test_the_wire_can_be_opened_again_and_again(ecu, wire):
    for _ in range(20):
        with bus_of(ecu, wire) as bus, client_on(bus) as client:
            assert read(client, 0xF186) == b"\x01"
