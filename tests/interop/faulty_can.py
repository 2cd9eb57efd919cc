"""Our tester on a CAN bus where frames get lost, mixed and made up: the right value or an error that says why."""

import pytest

from harness.can_fixture import PENDING, RESPONSE, CanEcu, frames_of
from harness.ecu import VIN
from harness.scan import scan

IN_TIME_S = 90
"""Longer than a tester bears an ECU that says pending for ever."""
READ_VIN = bytes.fromhex("22 f1 90")
VIN_ANSWER = bytes.fromhex("62 f1 90") + VIN.encode()
FIRST, SECOND, THIRD = frames_of(VIN_ANSWER)


def sound(request):
    """A polite ECU that knows its sessions and its VIN, and nothing else."""
    match request[0]:
        case 0x10:
            return [bytes([0x50, request[1], 0x00, 0x32, 0x01, 0xF4])]
        case 0x3E:
            return [] if request[1] & 0x80 else [bytes.fromhex("7e 00")]
        case _ if request == READ_VIN:
            return [VIN_ANSWER]
        case 0x01 | 0x03 | 0x09:
            return []
        case service:
            return [bytes([0x7F, service, 0x31 if service == 0x22 else 0x11])]


def raw(*frames):
    return [[RESPONSE, frame] for frame in frames]


def at_once(*messages):
    """All frames of messages, without waiting for a flow control."""
    return raw(*(frame for message in messages for frame in frames_of(message)))


TELLS_THE_VIN = {
    "nothing": [VIN_ANSWER],
    "pending once": [PENDING, 0.2, VIN_ANSWER],
    "pending for ten seconds": [*([PENDING, 2.0] * 5), VIN_ANSWER],
    "busy first": [bytes.fromhex("7f 22 21")],
    "no flow control awaited": at_once(VIN_ANSWER),
    "a stray frame before": [*raw(bytes.fromhex("21 00 00 00 00 00 00 00")), VIN_ANSWER],
    "another ecu answers, too": [[0x7E9, bytes.fromhex("03 7f 22 11")], VIN_ANSWER],
    "an answer to another service first": [bytes.fromhex("7e 00"), VIN_ANSWER],
    "an answer twice": [VIN_ANSWER, 0.05, VIN_ANSWER],
    "an unfinished message before": [*raw(FIRST), VIN_ANSWER],
    "a slow ecu": [0.9, PENDING, 0.9, VIN_ANSWER],
}
HIDES_THE_VIN = {
    "silence": [],
    "pending for ever": [step for _ in range(100) for step in (PENDING, 2.0)],
    "a frame lost": raw(FIRST, THIRD),
    "the last frame lost": raw(FIRST, SECOND),
    "frames swapped": raw(FIRST, THIRD, SECOND),
    "a frame twice": raw(FIRST, SECOND, SECOND, THIRD),
    "a first frame of nothing": raw(bytes.fromhex("10 00 00 00 00 00 00 00")),
    "a first frame of four gigabytes": raw(bytes.fromhex("10 00 ff ff ff ff 62 f1")),
    "a first frame that is short": raw(bytes.fromhex("10 05 62 f1 90 31 32")),
    "a single frame that lies": raw(bytes.fromhex("07 62 f1")),
    "an empty frame": raw(b""),
    "another identifier echoed": [bytes.fromhex("62 f1 8c") + VIN.encode()],
    "sixteen characters": [VIN_ANSWER[:-1]],
    "no characters": [VIN_ANSWER[:3]],
    "bytes that are no text": [VIN_ANSWER[:3] + b"\xff" * 17],
    "a cut negative answer": [bytes.fromhex("7f 22")],
    "a negative answer for another service": [bytes.fromhex("7f 27 31")],
    "busy for ever": [bytes.fromhex("7f 22 21")],
}


def ecu_with(steps, only_first=False):
    """A sound ECU but for how it answers the question for its VIN."""
    asked = []

    def answer(request):
        if request == READ_VIN and not (only_first and asked):
            asked.append(request)
            return steps
        return sound(request)

    return CanEcu(answer)


@pytest.fixture
def scan_with():
    started = []

    def run(*arguments, **options):
        started.append(ecu_with(*arguments, **options))
        return scan("--slcan", started[-1].path, within_s=IN_TIME_S)

    yield run
    for ecu in started:
        ecu.end()


@pytest.mark.parametrize("fault", TELLS_THE_VIN, ids=lambda fault: fault.replace(" ", "-"))
def test_what_a_tester_must_bear_does_not_cost_it_the_vin(scan_with, fault):
    found = scan_with(TELLS_THE_VIN[fault], only_first=fault == "busy first")
    assert found.values()["vin"] == VIN


@pytest.mark.parametrize("fault", HIDES_THE_VIN, ids=lambda fault: fault.replace(" ", "-"))
def test_what_was_not_said_is_not_reported(scan_with, fault):
    found = scan_with(HIDES_THE_VIN[fault])
    if found.exit_code == 0:
        assert found.values().get("vin") is None, found.stdout
    else:
        assert found.is_an_error_that_says_why()
