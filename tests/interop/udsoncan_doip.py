"""udsoncan on doipclient: the whole flow of a workshop, and what an attacker with a workshop's tools would try."""

import random
import subprocess
import time
from contextlib import suppress

import pytest
import udsoncan

from harness.doip import activated
from harness.ecu import CODE, EVERYTHING, VIN, WRONG_KEY, key_for
from harness.programs import HEADLOCK
from harness.uds import (
    ATTEMPTS_LEFT_DID,
    COUNTERS,
    DEFAULT,
    DELAY_S,
    DIDS,
    EXTENDED,
    LOCK,
    LOCK_STATE_DID,
    PROGRAMMING,
    SESSION_DID,
    SUPPLY_DID,
    VIN_DID,
    WAIT_LEFT_DID,
    number,
    over_doip,
    read,
    refusal,
    wait_until_seeds_are_given,
)

LEVEL = COUNTERS
ENTER_CODE, CLEAR_ATTEMPTS, CLEAR_SECURITY, CHECKING_OFF, SELF_TEST = 0xFD10, 0xFD11, 0xFD12, 0xFD13, 0xFD14
OPENED, WRONG = 0, 1
FIRMWARE = 5
SOFTWARE_DID, PROGRESS_DID = 0xF189, 0xFD04
OPEN, ARMED, WAITING = 0, 1, 3


def wrong_keys(client, times):
    """Sends wrong keys, each for a seed of its own; answers the NRCs."""
    codes = []
    for _ in range(times):
        client.request_seed(LEVEL)
        codes.append(refusal(client.send_key, LEVEL + 1, WRONG_KEY))
    return codes


def enter(client, code):
    """Enters a code by the routine for it; answers what became of it."""
    return client.start_routine(ENTER_CODE, code.encode()).service_data.routine_status_record[0]


def lock_state(client):
    return read(client, LOCK_STATE_DID)[0]


def test_sessions_are_entered_and_read_back(ecu):
    with over_doip(ecu) as client:
        assert refusal(client.change_session, PROGRAMMING) == 0x7E
        for session in (EXTENDED, PROGRAMMING, EXTENDED, DEFAULT):
            answer = client.change_session(session).service_data
            assert answer.session_echo == session
            assert (answer.p2_server_max, answer.p2_star_server_max) == (0.05, 5.0)
            assert number(client, SESSION_DID) == session


def test_a_session_ends_by_itself_five_seconds_after_the_last_request(ecu):
    with over_doip(ecu) as client:
        client.change_session(EXTENDED)
        for _ in range(3):
            time.sleep(2)
            with client.suppress_positive_response:
                client.tester_present()
        assert number(client, SESSION_DID) == EXTENDED
        time.sleep(5.5)
        assert number(client, SESSION_DID) == DEFAULT


def test_identifiers_are_read_alone_and_together_and_the_vin_is_exact(willing_ecu):
    with over_doip(willing_ecu) as client:
        values = {did: read(client, did) for did in DIDS}
        assert values[VIN_DID] == VIN.encode()
        assert 11_000 < int.from_bytes(values[SUPPLY_DID], "big") < 15_000
        assert all(values.values()), values


def test_a_unit_tells_its_state_but_does_no_more_than_its_sources_say(ecu):
    with over_doip(ecu) as client:
        assert all(read(client, did) for did in DIDS)
        client.change_session(EXTENDED)
        assert refusal(client.start_routine, ENTER_CODE, CODE.encode()) == 0x31


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_every_protocol_version_is_spoken(ecu, version):
    with over_doip(ecu, version=version) as client:
        assert read(client, VIN_DID) == VIN.encode()


def test_an_entity_identifies_itself_on_the_same_port(ecu):
    with over_doip(ecu) as client:
        doip = client.conn._connection
        found = doip.request_vehicle_identification()
        assert (found.vin, found.logical_address) == (VIN, 0x1001)
        assert doip.request_vehicle_identification(vin=VIN).vin == VIN
        assert doip.request_entity_status().currently_open_sockets == 1
        assert doip.request_diagnostic_power_mode().diagnostic_power_mode == 1


def test_no_seed_is_given_in_the_default_session(ecu):
    with over_doip(ecu) as client:
        assert refusal(client.request_seed, LEVEL) in (0x7E, 0x7F)


def test_a_key_without_a_seed_is_out_of_sequence(ecu):
    with over_doip(ecu) as client:
        client.change_session(EXTENDED)
        assert refusal(client.send_key, LEVEL + 1, WRONG_KEY) == 0x24


def test_the_right_key_unlocks_and_then_the_seed_is_zero(ecu):
    with over_doip(ecu) as client:
        client.change_session(EXTENDED)
        seed = client.request_seed(LEVEL).service_data.seed
        assert len(seed) == 16 and any(seed)
        client.send_key(LEVEL + 1, key_for(LEVEL, seed))
        assert not any(client.request_seed(LEVEL).service_data.seed)


def test_a_change_of_session_locks_again(ecu):
    with over_doip(ecu) as client:
        client.change_session(EXTENDED)
        client.unlock_security_access(LEVEL)
        client.change_session(EXTENDED)
        assert any(client.request_seed(LEVEL).service_data.seed)


def test_no_seed_is_given_twice(ecu):
    with over_doip(ecu) as client:
        seeds = set()
        for _ in range(50):
            client.change_session(EXTENDED)
            seeds.add(bytes(client.request_seed(LEVEL).service_data.seed))
        assert len(seeds) == 50


def test_the_third_wrong_key_starts_a_delay_after_which_the_right_one_unlocks(ecu):
    with over_doip(ecu) as client:
        client.change_session(EXTENDED)
        assert wrong_keys(client, 3) == [0x35, 0x35, 0x36]
        assert refusal(client.request_seed, LEVEL) == 0x37
        took = wait_until_seeds_are_given(client, LEVEL, within_s=DELAY_S + 3)
        assert DELAY_S - 2 < took < DELAY_S + 2, took
        client.unlock_security_access(LEVEL)


def test_a_change_of_session_does_not_end_the_delay(ecu):
    with over_doip(ecu) as client:
        client.change_session(EXTENDED)
        wrong_keys(client, 3)
        client.change_session(DEFAULT)
        client.change_session(EXTENDED)
        assert refusal(client.request_seed, LEVEL) == 0x37


def test_a_delay_survives_a_power_cut(start_ecu):
    first = start_ecu()
    with over_doip(first) as client:
        client.change_session(EXTENDED)
        assert wrong_keys(client, 3)[-1] == 0x36
    first.kill()
    with over_doip(start_ecu()) as client:
        client.change_session(EXTENDED)
        assert refusal(client.request_seed, LEVEL) == 0x37
        wait_until_seeds_are_given(client, LEVEL, within_s=DELAY_S + 3)
        client.unlock_security_access(LEVEL)


def test_a_power_cut_between_wrong_keys_buys_none(start_ecu):
    codes = []
    for _ in range(3):
        ecu = start_ecu()
        with over_doip(ecu) as client:
            client.change_session(EXTENDED)
            codes += wrong_keys(client, 1)
        ecu.kill()
    assert codes == [0x35, 0x35, 0x36]


def test_a_kill_at_any_moment_buys_no_key(start_ecu):
    rng = random.Random(1)
    refused = []
    while 0x36 not in refused and 0x37 not in refused:
        assert refused.count(0x35) <= 2, "a third wrong key was compared"
        ecu = start_ecu()
        with activated(ecu.tcp("doip")) as doip:
            doip.ask(bytes.fromhex("10 03"))
            seed = doip.ask(bytes.fromhex("27 01"))
            if seed[0] == 0x7F:
                refused.append(seed[2])
                break
            doip.request(bytes.fromhex("27 02") + WRONG_KEY)
            time.sleep(rng.uniform(0, 0.003))
            ecu.kill()
            with suppress(ConnectionError, TypeError, TimeoutError):
                refused.append(doip.response()[2])


def test_the_code_of_the_owner_opens_the_lock_and_a_wrong_one_costs_an_attempt(willing_ecu):
    with over_doip(willing_ecu) as client:
        client.change_session(EXTENDED)
        attempts = number(client, ATTEMPTS_LEFT_DID)
        assert lock_state(client) == ARMED
        assert enter(client, "1111") == WRONG
        assert number(client, ATTEMPTS_LEFT_DID) == attempts - 1
        assert enter(client, CODE) == OPENED
        assert lock_state(client) == OPEN


def test_three_wrong_codes_start_a_wait_that_is_told_and_that_a_power_cut_does_not_end(start_ecu):
    first = start_ecu(unit=EVERYTHING)
    with over_doip(first) as client:
        client.change_session(EXTENDED)
        assert [enter(client, "1111") for _ in range(3)] == [WRONG] * 3
        assert lock_state(client) == WAITING
        assert 55 <= number(client, WAIT_LEFT_DID) <= 60
        assert enter(client, CODE) not in (OPENED, WRONG)
    first.kill()
    with over_doip(start_ecu(unit=EVERYTHING)) as client:
        assert lock_state(client) == WAITING
        assert 50 <= number(client, WAIT_LEFT_DID) <= 60


def test_a_wrong_code_is_not_forgotten_by_a_power_cut(start_ecu):
    left = []
    for _ in range(2):
        ecu = start_ecu(unit=EVERYTHING)
        with over_doip(ecu) as client:
            client.change_session(EXTENDED)
            assert enter(client, "1111") == WRONG
            left.append(number(client, ATTEMPTS_LEFT_DID))
        ecu.kill()
    assert left[1] == left[0] - 1


def test_routines_that_touch_the_lock_want_the_level_that_they_are_behind(willing_ecu):
    with over_doip(willing_ecu) as client:
        client.change_session(EXTENDED)
        for routine in (CLEAR_ATTEMPTS, CLEAR_SECURITY, CHECKING_OFF):
            assert refusal(client.start_routine, routine) == 0x33
        client.unlock_security_access(COUNTERS)
        for routine in (CLEAR_SECURITY, CHECKING_OFF):
            assert refusal(client.start_routine, routine) == 0x33
        assert lock_state(client) == ARMED


def test_clearing_the_attempts_gives_them_back(willing_ecu):
    with over_doip(willing_ecu) as client:
        client.change_session(EXTENDED)
        attempts = number(client, ATTEMPTS_LEFT_DID)
        assert enter(client, "1111") == WRONG
        client.unlock_security_access(COUNTERS)
        client.start_routine(CLEAR_ATTEMPTS)
        assert number(client, ATTEMPTS_LEFT_DID) == attempts


@pytest.mark.parametrize("routine", [CLEAR_SECURITY, CHECKING_OFF])
def test_who_has_the_key_of_the_lock_opens_it_without_the_code(willing_ecu, routine):
    with over_doip(willing_ecu) as client:
        client.change_session(EXTENDED)
        client.unlock_security_access(LOCK)
        client.start_routine(routine)
        assert lock_state(client) == OPEN


def test_the_self_test_says_pending_first_and_ends_by_itself(ecu):
    with activated(ecu.tcp("doip")) as doip:
        assert doip.ask(bytes.fromhex("10 03"))[:2] == bytes.fromhex("50 03")
        start = bytes.fromhex("31 01 fd 14")
        assert doip.ask(start, within_s=0.5) == bytes.fromhex("7f 31 78")
        while (answer := doip.response(within_s=5)) == bytes.fromhex("7f 31 78"):
            pass
        assert answer[:4] == bytes.fromhex("71 01 fd 14")


def test_a_client_waits_through_pending(ecu):
    with over_doip(ecu) as client:
        client.change_session(EXTENDED)
        assert client.start_routine(SELF_TEST).service_data.routine_id_echo == SELF_TEST
        assert client.get_routine_result(SELF_TEST).service_data.routine_id_echo == SELF_TEST


def test_trouble_codes_are_counted_listed_and_cleared(ecu):
    with over_doip(ecu) as client:
        counted = client.get_number_of_dtc_by_status_mask(0xFF).service_data.dtc_count
        listed = client.get_dtc_by_status_mask(0xFF).service_data.dtcs
        supported = client.get_supported_dtc().service_data.dtcs
        assert counted == len(listed)
        assert {dtc.id for dtc in listed} <= {dtc.id for dtc in supported}
        client.change_session(EXTENDED)
        client.control_dtc_setting(udsoncan.services.ControlDTCSetting.SettingType.off)
        client.clear_dtc()
        client.control_dtc_setting(udsoncan.services.ControlDTCSetting.SettingType.on)
        assert not client.get_dtc_by_status_mask(0x08).service_data.dtcs


def test_firmware_is_taken_from_nobody_whose_signature_is_not_asked_for(ecu):
    everything = udsoncan.MemoryLocation(address=0, memorysize=1024, address_format=32, memorysize_format=32)
    with over_doip(ecu) as client:
        client.change_session(EXTENDED)
        assert refusal(client.request_download, everything) == 0x7F
        client.change_session(PROGRAMMING)
        assert refusal(client.request_download, everything) == 0x70
        assert refusal(client.transfer_data, 1, b"HLFP") == 0x24
        assert refusal(client.request_transfer_exit) == 0x24


def signed_package(folder, maker, version, unit="bench/everything"):
    """A package that a maker signed for the unit, with a payload of its own."""
    payload, package = folder / "payload", folder / f"{version}.hlfp"
    payload.write_bytes(random.Random(version).randbytes(300_000))
    if not maker.exists():
        subprocess.run([HEADLOCK, "firmware", "keygen", maker], check=True, capture_output=True)
    what = ["--unit", unit, "--version", version, "--key", maker, "--out", package]
    subprocess.run([HEADLOCK, "firmware", "sign", payload, *what], check=True, capture_output=True)
    return package.read_bytes()


def transfer(client, package, start=0, stop=None):
    """Sends the bytes from `start` on, until `stop` or until all were taken."""
    rest = udsoncan.MemoryLocation(start, len(package) - start, address_format=32, memorysize_format=32)
    block = client.request_download(rest).service_data.max_length - 2
    for number_of_block, at in enumerate(range(start, stop or len(package), block), 1):
        client.transfer_data(number_of_block % 256, package[at : at + block])


def reprogram(client):
    client.change_session(EXTENDED)
    client.change_session(PROGRAMMING)
    client.unlock_security_access(FIRMWARE)


def software(client):
    return read(client, SOFTWARE_DID).decode()


def wait_for_version(ecu, version, within_s=15):
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        with suppress(Exception), over_doip(ecu) as client:
            if software(client) == version:
                return
        time.sleep(0.2)
    raise AssertionError(f"{version} does not run after {within_s} s")


def test_a_signed_package_is_taken_broken_off_by_a_kill_taken_up_again_and_runs(start_ecu, tmp_path):
    maker = tmp_path / "maker"
    package = signed_package(tmp_path, maker, "3.01")
    signed = ["--maker-key", f"{maker}.pub"]
    ecu = start_ecu(*signed, unit=EVERYTHING)
    with over_doip(ecu) as client:
        before = software(client)
        reprogram(client)
        transfer(client, package, stop=200_000)
        ecu.kill()
    ecu = start_ecu(*signed, unit=EVERYTHING)
    with over_doip(ecu) as client:
        assert software(client) == before
        safe = int.from_bytes(read(client, PROGRESS_DID)[:4], "big")
        assert 200_000 <= safe < len(package)
        reprogram(client)
        transfer(client, package, start=safe)
        client.request_transfer_exit()
        assert software(client) == before
        client.ecu_reset(1)
    wait_for_version(ecu, "3.01")


def test_a_stranger_s_package_is_refused_at_its_first_block(start_ecu, tmp_path):
    package = signed_package(tmp_path, tmp_path / "stranger", "3.02")
    signed_package(tmp_path, tmp_path / "maker", "3.03")
    ecu = start_ecu("--maker-key", f"{tmp_path / 'maker'}.pub", unit=EVERYTHING)
    with over_doip(ecu) as client:
        before = software(client)
        reprogram(client)
        assert refusal(transfer, client, package) == 0x72
        assert refusal(client.request_transfer_exit) == 0x24
        assert software(client) == before


def test_a_reset_ends_session_and_access(ecu):
    with over_doip(ecu) as client:
        client.change_session(EXTENDED)
        client.unlock_security_access(LEVEL)
        assert client.ecu_reset(1).service_data.reset_type_echo == 1
    with over_doip(ecu) as client:
        assert number(client, SESSION_DID) == DEFAULT
        client.change_session(EXTENDED)
        assert any(client.request_seed(LEVEL).service_data.seed)


def test_p2_is_kept(ecu):
    with activated(ecu.tcp("doip")) as doip:
        took = []
        for _ in range(200):
            started = time.monotonic()
            doip.ask(bytes.fromhex("22 f1 90"))
            took.append(time.monotonic() - started)
    assert sorted(took)[len(took) * 95 // 100] < 0.05, max(took)


def test_two_testers_are_served_and_each_hears_its_own(ecu):
    with over_doip(ecu, source=0x0E00) as one, over_doip(ecu, source=0x0E01) as other:
        for _ in range(20):
            assert read(one, VIN_DID) == VIN.encode()
            assert read(other, VIN_DID) == VIN.encode()


def test_a_tester_that_vanished_can_come_back(ecu):
    for _ in range(20):
        with over_doip(ecu) as client:
            assert read(client, VIN_DID) == VIN.encode()
