"""gallia, which ends with 1 on any malformed positive answer: a conformance test that others wrote."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.ecu import VIN
from harness.tshark import expert_errors, uds_messages

GALLIA = Path(sys.executable).with_name("gallia")


def run(*arguments, within_s=150):
    command = [GALLIA, *arguments, "--no-volatile-info"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=within_s, check=False)
    assert done.returncode == 0, f"exit {done.returncode}: {done.stderr[-3000:]}"
    return done.stderr


def target(ecu):
    host, port = ecu.tcp("doip")
    return f"doip://{host}:{port}?protocol_version=2&activation_type=0&src_addr=0xe00&target_addr=0x1001"


def primitive(ecu, *arguments):
    return run("primitive", "uds", *arguments, "--target", target(ecu), "--no-dumpcap")


def scan(ecu, *arguments):
    return run("scan", "uds", *arguments, "--target", target(ecu), "--no-dumpcap")


def services_found(log, session):
    section = log.split(f"findings in session {session}:")[1].split("findings in session")[0]
    return {int(sid, 16) for sid in re.findall(r"\[(0x[0-9a-f]+)\] \S", section)}


def test_the_ecu_is_alive(ecu):
    assert "ECU is alive" in primitive(ecu, "ping", "--count", "3", "--interval", "0.1")


def test_the_vin_is_exact(ecu):
    assert VIN.encode().hex() in primitive(ecu, "vin")


@pytest.mark.parametrize(
    "did", ["0xf186", "0xf187", "0xf189", "0xf18c", "0xf195", "0xfd00", "0xfd01", "0xfd02", "0xfd03", "0xfd04"]
)
def test_an_identifier_is_read(willing_ecu, did):
    assert "Positive response" in primitive(willing_ecu, "rdbi", did)


def test_trouble_codes_are_read_and_cleared(ecu):
    primitive(ecu, "dtc", "read")
    assert "Success" in primitive(ecu, "dtc", "clear", "--session", "3")


def test_the_self_test_runs_through_pending(ecu):
    assert "[start] Positive response" in primitive(ecu, "rtcl", "0xfd14", "--session", "3", "--start")


def test_services_are_found_session_by_session(ecu):
    log = scan(ecu, "services", "--sessions", "1", "3", "--check-session")
    assert {0x10, 0x11, 0x14, 0x19, 0x22, 0x3E} <= services_found(log, "0x01")
    assert {0x10, 0x11, 0x14, 0x19, 0x22, 0x27, 0x31, 0x3E, 0x85} <= services_found(log, "0x03")


def test_sessions_are_found_and_no_other(ecu):
    log = scan(ecu, "sessions", "--depth", "2")
    found = {int(session, 16) for session in re.findall(r"\* Session (0x[0-9a-f]+)", log)}
    assert found == {1, 2, 3}, log[-2000:]


@pytest.mark.parametrize(
    ("start", "end", "found"), [("0xf100", "0xf1ff", 6), ("0xfd00", "0xfdff", 5), ("0x0000", "0x03ff", 0)]
)
def test_identifiers_are_found_and_no_other(willing_ecu, start, end, found):
    log = scan(willing_ecu, "identifiers", "--start", start, "--end", end, "--service", "0x22")
    assert f"Positive replies: {found}" in log
    assert "Abnormal replies: 0" in log
    assert "Timeouts: 0" in log


def test_routines_are_found_and_no_other(willing_ecu):
    log = scan(
        willing_ecu, "identifiers", "--sessions", "3", "--start", "0xfd00", "--end", "0xfdff", "--service", "0x31"
    )
    assert "Timeouts: 0" in log
    named = {int(rid, 16) for rid in re.findall(r"(0x[0-9a-f]{4}): ", log)}
    assert {0xFD10, 0xFD11, 0xFD12, 0xFD13, 0xFD14} <= named, log[-2000:]


def test_seeds_are_dumped_and_none_repeats(ecu, tmp_path):
    base = ["dump-seeds", "--session", "3", "--level", "1", "--duration", "0.05"]
    run("scan", "uds", *base, "--target", target(ecu), "--no-dumpcap", "--artifacts-base", str(tmp_path))
    (seeds,) = tmp_path.rglob("seeds.bin")
    dumped = seeds.read_bytes()
    assert len(dumped) >= 16 * 20 and len(dumped) % 16 == 0
    each = {dumped[at : at + 16] for at in range(0, len(dumped), 16)}
    assert len(each) == len(dumped) // 16


def test_the_entity_and_its_addresses_are_discovered(ecu):
    host, port = ecu.tcp("doip")
    doip = f"doip://{host}:{port}?activation_type=0&src_addr=0xe00"
    log = run("discover", "doip", "--target", doip, "--start", "0xff0", "--stop", "0x1010")
    assert VIN in log, "not identified over UDP"
    assert "maximum data size" in log, "no entity status over UDP"
    assert "take one of these 1 known targets" in log
    assert "target_addr=0x1001" in log


def test_activation_types_are_discovered(ecu):
    host, port = ecu.tcp("doip")
    arguments = ["--target", f"doip://{host}:{port}?src_addr=0xe00", "--start", "0x1001", "--stop", "0x1001"]
    command = [GALLIA, "discover", "doip", *arguments, "--no-volatile-info"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    # Two are granted; it goes on with exactly one only, and says so.
    assert done.returncode == 20, done.stderr[-2000:]
    granted = set(re.findall(r"actually worked: \S*activation_type=(0x[0-9a-f]+)&", done.stderr))
    assert granted == {"0x0", "0x1"}


def test_a_foreign_dissector_finds_nothing_wrong_in_what_gallia_captured(ecu, tmp_path):
    base = ["scan", "uds", "services", "--sessions", "1", "3", "--target", target(ecu)]
    run(*base, "--dumpcap", "--artifacts-base", str(tmp_path))
    (pcap,) = tmp_path.rglob("*.pcap*")
    port = ecu.tcp("doip")[1]
    assert len(uds_messages(pcap, port)) > 500
    # Its own requests are malformed on purpose.
    assert expert_errors(pcap, port, among=f"tcp.srcport=={port}") == ""
