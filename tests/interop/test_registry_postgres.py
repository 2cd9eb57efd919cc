"""Several instances of one registry on one PostgreSQL: what one does holds at the others, and their logs are one log."""

import subprocess
import time

import pytest

from harness.postgres import Postgres
from harness.programs import HEADLOCK
from harness.registry import SERIAL, VIN, Registry


@pytest.fixture
def database():
    postgres = Postgres()
    yield postgres
    postgres.end()


@pytest.fixture
def desks(tmp_path, database):
    first = Registry(tmp_path, store=database.address)
    first.let_everybody_in()
    both = [first, first.another("two")]
    yield both
    assert [desk.ask_to_end(within_s=15) for desk in both] == [0, 0]
    assert not any("panicked" in desk.stderr() for desk in both)


def checkpoint(desk):
    return (desk.folder / "log/checkpoint").read_bytes()


def leaves(desk):
    return int(checkpoint(desk).split(b"\n")[1])


def caught_up(desks, token):
    """Has them asked until their logs are the same: an instance that has something to do catches up with the others."""
    deadline = time.monotonic() + 60
    while len({checkpoint(desk) for desk in desks}) > 1:
        assert time.monotonic() < deadline, f"{[leaves(desk) for desk in desks]} leaves"
        min(desks, key=leaves).ask("GET", "/v1/notices", token=token)
        time.sleep(0.2)


def verified(desk, key):
    command = [HEADLOCK, "registry", "verify", desk.folder / "log", "--log-key", key]
    return subprocess.run(command, capture_output=True, timeout=60, text=True)


@pytest.mark.timeout(300)
def test_what_one_instance_does_holds_at_the_other_and_their_logs_are_one(desks):
    first, second = desks
    code = first.provision()["code"]
    token = {name: first.token(name) for name in ["anna", "carl", "ed"]}
    wanted = {"serial": SERIAL, "vin": VIN, "what": "code", "proof": "registration"}
    pending = first.ask("POST", "/v1/releases", wanted, token["anna"], **{"Idempotency-Key": "one"})["request"]
    second.ask("POST", f"/v1/requests/{pending['id']}/approve", {"reason": "papers seen"}, token["carl"])
    # The same key at the other instance is the same request.
    again = second.ask("POST", "/v1/releases", wanted, token["anna"], **{"Idempotency-Key": "one"})
    assert (again["request"]["id"], again["code"]) == (pending["id"], code)
    assert first.ask("POST", f"/v1/requests/{pending['id']}/collect", token=token["anna"])["code"] == code
    caught_up(desks, token["ed"])
    assert leaves(first) > 20
    for desk in desks:
        said = verified(desk, first.log_key)
        assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.timeout(300)
def test_an_instance_whose_folder_was_lost_comes_to_the_same_log(desks, tmp_path):
    first, _ = desks
    first.provision()
    third = first.another("three")
    # That it was opened is a leaf of its own.
    assert leaves(third) >= leaves(first)
    caught_up([first, third], first.tokens["ed"])
    assert verified(third, first.log_key).returncode == 0
    assert third.ask_to_end(within_s=15) == 0
