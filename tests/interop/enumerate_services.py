"""Enumeration as attackers' tools do it: every service, sub-function and identifier; exactly ours answer."""

import pytest

from harness.doip import activated
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
    [
        (0x10, {1, 2, 3}),
        (0x11, {1, 2, 3}),
        (0x19, {1, 2, 0x0A}),
        (0x27, {1, 2, 3, 4, 5, 6}),
        (0x3E, {0}),
        (0x85, {1, 2}),
    ],
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
