"""An export, opened with the foreign age tool: what is in it, and that nobody else opens it or half of it."""

import base64
import csv
import hashlib
import subprocess
import time

import pytest
import requests

from harness.programs import HEADLOCK
from harness.registry import CATALOG, UNIT, VIN, Registry

REASON = "clause 4 of the contract with the escrow"
AT_ONCE = ("settled_days = 7", "settled_days = 0")
"""Custodians of a test are not made a week before."""
UNITS = 40


def keygen(path):
    """A key of the escrow's; its public half."""
    subprocess.run(["age-keygen", "-o", path], check=True, capture_output=True, timeout=60)
    return subprocess.run(["age-keygen", "-y", path], check=True, capture_output=True, timeout=60, text=True).stdout.strip()


def decrypt(key, file):
    return subprocess.run(["age", "-d", "-i", key, file], capture_output=True, timeout=60)


@pytest.fixture
def escrow(tmp_path):
    return tmp_path / "escrow.key"


@pytest.fixture
def desk(tmp_path, escrow):
    registry = Registry(tmp_path, rules=[AT_ONCE], escrow=keygen(escrow))
    registry.let_everybody_in()
    registry.let_in("kit", ["custodian"])
    yield registry
    assert registry.ask_to_end(within_s=15) == 0
    assert "panicked" not in registry.stderr()


def agreed(desk, **asked):
    export = desk.ask("POST", "/v1/exports", {"reason": REASON, **asked}, desk.tokens["root"])
    for custodian in ["kim", "kit"]:
        export = desk.ask("POST", f"/v1/exports/{export['id']}/agree", {"reason": "seen it"}, desk.tokens[custodian])
    assert export["state"] == "agreed"
    return export["id"]


def take(desk, export):
    headers = {"Authorization": f"Bearer {desk.tokens['root']}"}
    answer = requests.post(f"{desk.url}/v1/exports/{export}/take", headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.content


def rows(text):
    """The table by Python's own means: notes are lines that begin with #."""
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))


def notes(text):
    said = (line[2:].partition(" ") for line in text.splitlines() if line.startswith("# "))
    return {name: value for name, _, value in said}


@pytest.mark.timeout(300)
def test_the_escrow_opens_with_age_what_two_custodians_agreed_to(desk, escrow, tmp_path):
    vins = [VIN[:-3] + f"{at:03}" for at in range(UNITS)]
    made = {}
    for at, vin in enumerate(vins):
        provisioned = desk.provision(f"WK2026{at:04}", vin)
        made[provisioned["unit"]["serial"]] = (provisioned["code"], vin)
    desk.ask("POST", "/v1/units/WK20260007/history", {"event": "stolen"}, desk.tokens["line"])
    export = agreed(desk)
    file = tmp_path / "export.age"
    file.write_bytes(take(desk, export))
    assert file.read_bytes().startswith(b"age-encryption.org/v1\n-> X25519 ")

    opened = decrypt(escrow, file)
    assert opened.returncode == 0, opened.stderr
    text = opened.stdout.decode()
    assert {row["serial"]: (row["code"], row["vin"]) for row in rows(text)} == made
    assert {row["unit"] for row in rows(text)} == {UNIT}
    assert [row["serial"] for row in rows(text) if row["state"] == "stolen"] == ["WK20260007"]
    said = notes(text)
    assert (said["origin"], said["export"], said["units"], said["without_code"]) == ("desk.example/log", export, str(UNITS), "0")
    # The root is that of the tree of that size, which the log's own checkpoint goes on from.
    assert int(said["tree_size"]) <= int((desk.folder / "log/checkpoint").read_text().splitlines()[1])
    assert len(base64.b64decode(said["root"], validate=True)) == 32

    deadline = time.monotonic() + 60
    while (view := desk.ask("GET", f"/v1/exports/{export}", token=desk.tokens["ed"]))["state"] != "left":
        assert time.monotonic() < deadline, view
        time.sleep(0.1)
    assert view["sha256"].lower() == hashlib.sha256(file.read_bytes()).hexdigest()
    words = desk.stderr().split()
    assert words and not {code for code, _ in made.values() if code.startswith("0")} & set(words)

    # Another key does not open it, and half of it is no file.
    keygen(tmp_path / "other.key")
    assert decrypt(tmp_path / "other.key", file).returncode != 0
    whole = file.read_bytes()
    for cut in [1, 16, len(whole) // 2]:
        (tmp_path / "half.age").write_bytes(whole[:-cut])
        assert decrypt(escrow, tmp_path / "half.age").returncode != 0

    # Another registry takes it in as it is.
    (tmp_path / "heir").mkdir()
    (tmp_path / "heir/opened.csv").write_text(text)
    begun = [HEADLOCK, "--catalog", CATALOG, "registry", "init", "heir/desk", "--origin", "heir.example/log"]
    begun += ["--admin", "root", "--person", "H. Eir", "--company", "heir", "--key-file", "heir/key"]
    begun += ["--password-file", "root.password", "--one-time-file", "heir/otpauth"]
    subprocess.run(begun, check=True, capture_output=True, timeout=60, cwd=tmp_path)
    taken = [HEADLOCK, "--catalog", CATALOG, "registry", "import", "heir/opened.csv", "--config", "heir/desk"]
    taken = subprocess.run([*taken, "--all-or-nothing"], check=True, capture_output=True, timeout=60, cwd=tmp_path, text=True)
    assert f"{UNITS} new units, 0 known, 0 bad" in taken.stdout


CHUNK_BYTES = 64 << 10
"""Of plain text in age's payload."""

MANY = 2_200
"""Units that fill more than two of them."""


@pytest.mark.timeout(300)
def test_a_file_of_many_chunks_and_an_empty_one_are_whole_files_of_age(desk, escrow, tmp_path):
    for at in range(MANY):
        body = {"serial": f"WK4{at:07}", "unit": UNIT, "region": "eu", "firmware": "1.0", "vin": f"SJNFAAJ10U1{at:06}"}
        desk.ask("POST", "/v1/units", body, desk.tokens["line"])
    for asked, count in [({}, MANY), ({"region": "jp"}, 0)]:
        file = tmp_path / "export.age"
        file.write_bytes(take(desk, agreed(desk, **asked)))
        opened = decrypt(escrow, file)
        assert opened.returncode == 0, opened.stderr
        text = opened.stdout.decode()
        assert (len(rows(text)), notes(text)["units"]) == (count, str(count))
        assert count == 0 or len(text) > 2 * CHUNK_BYTES
        assert text.endswith("# end\n")
