"""One scenario over every transport: the UDS in the traces is the same, and a foreign dissector finds nothing wrong."""

import pytest

from harness.ecu import VIN
from harness.scan import scan
from harness.tshark import expert_errors, uds_messages

TRANSPORTS = ["doip", "elm327-tcp", "elm327-pty", "slcan", "socketcand"]


def target(ecu, transport):
    match transport:
        case "elm327-tcp":
            return ["--elm327", "tcp:{}:{}".format(*ecu.tcp("elm327"))]
        case "elm327-pty" | "slcan":
            kind = transport.split("-")[0]
            return [f"--{kind}", ecu.pty(kind)]
        case _:
            return [f"--{transport}", "{}:{}".format(*ecu.tcp(transport))]


def traced(ecu, transport, folder):
    """Scans with a trace; answers what the scan found and the folder with the trace."""
    folder.mkdir()
    values = scan(*target(ecu, transport), "--trace", folder).values()
    return values, folder


def uds(folder):
    """The requests and responses alone."""
    return (folder / "uds.txt").read_text().splitlines()


def test_the_uds_is_the_same_over_all_transports(start_ecu, tmp_path):
    found = {}
    for transport in TRANSPORTS:
        values, folder = traced(start_ecu(folder=f"unit-{transport}"), transport, tmp_path / transport)
        assert values["vin"] == VIN
        found[transport] = uds(folder)
    assert found["doip"], "an empty trace"
    for transport in TRANSPORTS:
        assert found[transport] == found["doip"], transport


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_foreign_dissector_finds_nothing_wrong(ecu, tmp_path, transport):
    _, folder = traced(ecu, transport, tmp_path / "trace")
    assert expert_errors(folder / "trace.pcap") == ""
    assert uds_messages(folder / "trace.pcap")
