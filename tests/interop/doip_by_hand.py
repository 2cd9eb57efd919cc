"""DoIP as no library would send it, byte by byte."""

import random
import socket
import struct
import threading
import time

import pytest

from harness.doip import ALIVE, ALIVE_CHECK, DIAGNOSTIC, REFUSED, SUCCESS, Connection, activated, message
from harness.ecu import VIN

TESTER_PRESENT, PRESENT = bytes.fromhex("3e 00"), bytes.fromhex("7e 00")
INVALID_SOURCE, UNKNOWN_TARGET = 0x02, 0x03
SOURCE_MISMATCH, SOURCE_ACTIVE, NO_SOCKET = 0x02, 0x03, 0x01


def diagnostic(uds, source=0x0E00, target=0x1001):
    return message(DIAGNOSTIC, struct.pack("!HH", source, target) + uds)


def is_closed(connection, within_s=3):
    try:
        return connection.receive(within_s) is None
    except ConnectionResetError:
        return True


def assert_lives(address, source=0x0E7F):
    with activated(address, source) as doip:
        assert doip.ask(TESTER_PRESENT) == PRESENT


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


def test_a_request_before_routing_is_refused_and_ends_the_connection(ecu):
    with Connection(ecu.tcp("doip")) as doip:
        doip.socket.sendall(diagnostic(TESTER_PRESENT))
        payload_type, payload = doip.receive()
        assert (payload_type, payload[4]) == (REFUSED, INVALID_SOURCE)
        assert is_closed(doip)


def test_a_request_from_another_address_is_refused_and_ends_the_connection(ecu):
    with activated(ecu.tcp("doip")) as doip:
        doip.socket.sendall(diagnostic(TESTER_PRESENT, source=0x0E01))
        payload_type, payload = doip.receive()
        assert (payload_type, payload[4]) == (REFUSED, INVALID_SOURCE)
        assert is_closed(doip)


def test_routing_can_be_activated_twice_but_for_one_address(ecu):
    with activated(ecu.tcp("doip")) as doip:
        assert doip.activate() == SUCCESS
        doip.source = 0x0E01
        assert doip.activate() == SOURCE_MISMATCH
        assert is_closed(doip)


def test_an_address_in_use_is_kept_by_who_answers_the_alive_check(ecu):
    with activated(ecu.tcp("doip")) as first, Connection(ecu.tcp("doip")) as second:
        codes = []
        asking = threading.Thread(target=lambda: codes.append(second.activate()))
        asking.start()
        assert first.receive() == (ALIVE_CHECK, b"")
        first.send(ALIVE, struct.pack("!H", first.source))
        asking.join()
        assert codes == [SOURCE_ACTIVE]
        assert first.ask(TESTER_PRESENT) == PRESENT


def test_an_address_in_use_is_taken_from_who_answers_no_alive_check(ecu):
    with activated(ecu.tcp("doip")) as first, Connection(ecu.tcp("doip")) as second:
        assert second.activate() == SUCCESS
        assert second.ask(TESTER_PRESENT) == PRESENT
        assert first.receive() == (ALIVE_CHECK, b"")
        assert is_closed(first)


def test_a_socket_without_routing_is_closed_after_two_seconds(ecu):
    with Connection(ecu.tcp("doip")) as doip:
        started = time.monotonic()
        assert is_closed(doip, within_s=4)
        assert 1.5 < time.monotonic() - started < 3


def test_a_message_may_come_in_single_bytes_and_two_in_one_piece(ecu):
    with activated(ecu.tcp("doip")) as doip:
        for byte in diagnostic(TESTER_PRESENT):
            doip.socket.sendall(bytes([byte]))
            time.sleep(0.005)
        assert doip.receive()[0] == 0x8002
        assert doip.response() == PRESENT
        doip.socket.sendall(diagnostic(TESTER_PRESENT) + diagnostic(bytes.fromhex("22 f1 86")))
        answers = [doip.receive() for _ in range(4)]
        assert [payload[4:] for kind, payload in answers if kind == DIAGNOSTIC] == [
            PRESENT,
            bytes.fromhex("62 f1 86 01"),
        ]


def test_a_diagnostic_message_without_a_request_has_a_wrong_length(ecu):
    with activated(ecu.tcp("doip")) as doip:
        doip.socket.sendall(diagnostic(b""))
        assert doip.receive() == (0x0000, b"\x04")
        assert is_closed(doip)


def test_a_long_request_is_taken_whole(ecu):
    with activated(ecu.tcp("doip")) as doip:
        doip.socket.sendall(diagnostic(b"\x22" + bytes(4094)))
        payload_type, payload = doip.receive()
        assert payload_type == 0x8002, payload
        assert doip.response()[:2] == bytes.fromhex("7f 22")


def test_too_many_connections_leave_those_that_are_there_alone(ecu):
    with activated(ecu.tcp("doip")) as first:
        others = []
        codes = []
        for number in range(1, 65):
            try:
                other = Connection(ecu.tcp("doip"), source=0x0E00 + number)
                codes.append(other.activate())
                others.append(other)
            except (ConnectionError, TypeError, TimeoutError):
                codes.append(None)
        assert set(codes) <= {SUCCESS, NO_SOCKET, None}
        assert codes[0] == SUCCESS
        assert first.ask(TESTER_PRESENT) == PRESENT
        for other in others:
            other.socket.close()
    time.sleep(0.2)
    assert_lives(ecu.tcp("doip"))


@pytest.mark.parametrize("seed", range(5))
def test_mutated_messages_do_not_end_the_ecu(ecu, seed):
    rng = random.Random(seed)
    address = ecu.tcp("doip")
    activation = message(0x0005, bytes.fromhex("0e00 00 00000000"))
    for _ in range(200):
        wild = bytearray(activation + diagnostic(rng.randbytes(rng.randrange(1, 20))) * rng.randrange(1, 4))
        for _ in range(rng.randrange(0, 4)):
            wild[rng.randrange(len(wild))] = rng.randrange(256)
        with Connection(address) as doip:
            doip.socket.sendall(wild[: rng.randrange(1, len(wild) + 1)])
            if rng.random() < 0.5:
                doip.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert_lives(address)
