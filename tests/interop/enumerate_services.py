"""Enumeration as attackers' tools do it: every service, sub-function and identifier; exactly ours answer."""

import socket
import struct

import pytest
from harness.doip import Connection, activated, message
from harness.ecu import FUNCTIONAL_ADDRESS, VIN
from harness.uds import DIDS

UDS_SERVICES = {0x10, 0x11, 0x14, 0x19, 0x22, 0x27, 0x31, 0x34, 0x36, 0x37, 0x3E, 0x85}
OBD_SERVICES = {0x01, 0x03, 0x04, 0x07, 0x09}
EXTENDED = bytes.fromhex("10 03")


def in_extended_session(doip):
    assert doip.ask(EXTENDED)[:2] == bytes.fromhex("50 03")
    return doip


def test_a_bare_byte_finds_our_services_and_no_other(ecu):
    with activated(ecu.tcp("doip")) as doip:
        answers = {service: doip.ask(bytes([service])) for service in range(256)}
    for service, answer in answers.items():
        assert answer[0] == 0x7F and answer[1] == service or service in OBD_SERVICES, answer.hex(" ")
    unknown_everywhere = {service for service, answer in answers.items() if answer[-1] == 0x11}
    assert set(range(256)) - unknown_everywhere - OBD_SERVICES == UDS_SERVICES


def test_each_service_that_is_known_but_bare_has_a_wrong_length(ecu):
    with in_extended_session(activated(ecu.tcp("doip"))) as doip:
        assert doip.ask(bytes.fromhex("10 02"))[:2] == bytes.fromhex("50 02")
        found = {service: doip.ask(bytes([service])) for service in sorted(UDS_SERVICES)}
    # TransferExit has no parameters that it must have: it is out of sequence.
    wanted = {service: 0x24 if service == 0x37 else 0x13 for service in UDS_SERVICES}
    assert {service: answer[-1] for service, answer in found.items()} == wanted


@pytest.mark.parametrize(
    ("service", "known"),
    [(0x10, {1, 2, 3}), (0x11, {1, 3}), (0x19, {1, 2, 0x0A}), (0x27, {1, 2, 3, 4, 5, 6}), (0x3E, {0}), (0x85, {1, 2})],
)
def test_sub_functions_are_exactly_ours(ecu, service, known):
    found = set()
    for sub_function in range(0x80):
        with in_extended_session(activated(ecu.tcp("doip"))) as doip:
            answer = doip.ask(bytes([service, sub_function]))
            if answer != bytes([0x7F, service, 0x12]):
                found.add(sub_function)
    assert found == known


def test_data_identifiers_are_exactly_ours(willing_ecu):
    found = set()
    with in_extended_session(activated(willing_ecu.tcp("doip"))) as doip:
        for did in range(0x10000):
            answer = doip.ask(b"\x22" + did.to_bytes(2, "big"))
            if answer[0] == 0x62:
                assert answer[1:3] == did.to_bytes(2, "big"), answer.hex(" ")
                found.add(did)
            else:
                assert answer == bytes.fromhex("7f 22 31"), f"{did:04x}: {answer.hex(' ')}"
    assert found == DIDS


def test_nothing_is_said_about_what_a_functional_request_asks_in_vain(ecu):
    with activated(ecu.tcp("doip")) as doip:
        doip.request(bytes.fromhex("ba 00"), target=FUNCTIONAL_ADDRESS)
        doip.request(bytes.fromhex("22 12 34"), target=FUNCTIONAL_ADDRESS)
        doip.request(bytes.fromhex("3e 80"), target=FUNCTIONAL_ADDRESS)
        # The first answer is that to the last request.
        doip.request(bytes.fromhex("22 f1 90"), target=FUNCTIONAL_ADDRESS)
        assert doip.response() == bytes.fromhex("62 f1 90") + VIN.encode()


@pytest.mark.parametrize(
    ("source", "activation_type", "code"),
    [(0x0E00, 0x00, 0x10), (0x0E00, 0x01, 0x10), (0x0E00, 0x05, 0x06), (0x0000, 0x00, 0x00), (0x1001, 0x00, 0x00)],
)
def test_routing_is_activated_for_testers_only(ecu, source, activation_type, code):
    with Connection(ecu.tcp("doip"), source) as doip:
        assert doip.activate(activation_type) == code
        if code != 0x10:
            assert doip.receive() is None, "a refused tester keeps its socket"


def test_an_unknown_target_is_refused_and_the_connection_lives(ecu):
    with activated(ecu.tcp("doip")) as doip:
        doip.send(0x8001, bytes.fromhex("0e00 1002 3e00"))
        payload_type, payload = doip.receive()
        assert (payload_type, payload[4]) == (0x8003, 0x03)
        assert doip.ask(bytes.fromhex("3e 00")) == bytes.fromhex("7e 00")


@pytest.mark.parametrize(
    ("sent", "code", "closes"),
    [
        ("02 02 00 05 00 00 00 07 0e 00 00 00 00 00 00", 0x00, True),
        ("02 fd 00 05 00 00 00 06 0e 00 00 00 00 00", 0x04, True),
        ("02 fd ab cd 00 00 00 00", 0x01, False),
        ("02 fd 80 01 ff ff ff ff 0e 00 10 01", 0x02, False),
    ],
)
def test_a_bad_header_is_named(ecu, sent, code, closes):
    with Connection(ecu.tcp("doip")) as doip:
        doip.socket.sendall(bytes.fromhex(sent))
        assert doip.receive() == (0x0000, bytes([code]))
        if closes:
            assert doip.receive() is None


def test_an_identification_request_of_any_version_is_answered_over_udp(ecu):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(2)
        for version in (0xFF, 1, 2, 3, 4):
            udp.sendto(message(0x0001, version=version), ecu.tcp("doip"))
            answer = udp.recv(1024)
            _, _, payload_type, length = struct.unpack("!BBHI", answer[:8])
            assert payload_type == 0x0004 and length in (32, 33) and len(answer) == 8 + length
            assert answer[8:25] == VIN.encode() and answer[25:27] == bytes.fromhex("1001")


def test_noise_does_not_end_the_ecu(ecu):
    address = ecu.tcp("doip")
    for length in range(1, 64):
        with Connection(address) as doip:
            doip.socket.sendall(bytes(range(length)))
    with activated(address) as doip:
        assert doip.ask(bytes.fromhex("3e 00")) == bytes.fromhex("7e 00")
