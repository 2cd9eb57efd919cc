"""scapy's scanner for UDS, which keeps a graph of the sessions that it found."""

import logging

logging.getLogger("scapy").setLevel(logging.ERROR)

from scapy.config import conf  # noqa: E402

from harness.ecu import VIN  # noqa: E402
from harness.uds import DIDS  # noqa: E402

conf.contribs["UDS"] = {"treat-response-pending-as-answer": False}

from scapy.contrib.automotive.doip import UDS_DoIPSocket  # noqa: E402
from scapy.contrib.automotive.uds import UDS, UDS_ER, UDS_RDBI  # noqa: E402
from scapy.contrib.automotive.uds_scan import (  # noqa: E402
    UDS_DSCEnumerator,
    UDS_RDBIEnumerator,
    UDS_Scanner,
    UDS_ServiceEnumerator,
    UDS_TPEnumerator,
)

SERVICE_NOT_SUPPORTED, POSITIVE = 0x11, 0x40


def connect(ecu):
    host, port = ecu.tcp("doip")
    return UDS_DoIPSocket(host, port=port, source_address=0x0E00, target_address=0x1001)


def scan(ecu, *cases, **options):
    """Runs the scanner to its end; answers its results case by case."""

    def reset():
        socket = connect(ecu)
        socket.sr1(UDS() / UDS_ER(resetType="hardReset"), timeout=2, verbose=False)
        socket.close()

    scanner = UDS_Scanner(
        connect(ecu), reconnect_handler=lambda: connect(ecu), reset_handler=reset, test_cases=list(cases), **options
    )
    scanner.scan(timeout=120)
    scanner.socket.close()
    assert scanner.scan_completed, "the scan ran out of time"
    return scanner


def results(scanner, case):
    (found,) = [tested for tested in scanner.configuration.test_cases if isinstance(tested, case)]
    return found.results_with_response


def test_the_vin_is_exact(ecu):
    socket = connect(ecu)
    answer = socket.sr1(UDS() / UDS_RDBI(identifiers=[0xF190]), timeout=2, verbose=False)
    socket.close()
    assert bytes(answer) == bytes.fromhex("62 f1 90") + VIN.encode()


def test_exactly_our_services_are_found(ecu):
    scanner = scan(ecu, UDS_ServiceEnumerator)
    known = {
        bytes(result.req)[0]
        for result in results(scanner, UDS_ServiceEnumerator)
        if bytes(result.resp)[:1] != b"\x7f" or bytes(result.resp)[2] != SERVICE_NOT_SUPPORTED
    }
    uds = {service for service in known if service >= 0x10}
    assert uds == {0x10, 0x11, 0x14, 0x19, 0x22, 0x27, 0x31, 0x34, 0x36, 0x37, 0x3E, 0x85}


def test_sessions_and_what_they_let_one_do_are_found(ecu):
    options = {"UDS_DSCEnumerator_kwargs": {"scan_range": range(1, 0x80), "delay_state_change": 0}}
    scanner = scan(ecu, UDS_DSCEnumerator, UDS_TPEnumerator, **options)
    assert {state.session for state in scanner.final_states} == {1, 2, 3}


def test_identifiers_are_found_in_every_session(ecu):
    near = [*range(0xF180, 0xF1A0), *range(0xFD00, 0xFD10)]
    scanner = scan(ecu, UDS_RDBIEnumerator, UDS_RDBIEnumerator_kwargs={"scan_range": near})
    found = {
        result.req.identifiers[0]
        for result in results(scanner, UDS_RDBIEnumerator)
        if bytes(result.resp)[0] == 0x22 + POSITIVE
    }
    assert found == DIDS
