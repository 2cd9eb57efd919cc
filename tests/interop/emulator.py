"""Our tester at ELM327-emulator with every fault there is: the right value or an error that says why, in time."""

import pytest

from harness.emulator import VINS, Cable
from harness.scan import scan

IN_TIME_S = 60


def answer(name, xml):
    """A line for the emulator that replaces one of its answers."""
    return f"emulator.answer[{name!r}] = {xml!r}"


def line(text):
    return f"<writeln>{text}</writeln>"


def late(seconds, text):
    return f"<exec>time.sleep({seconds})</exec>{line(text)}"


def frames(*texts):
    return "".join(line(text) for text in texts)


FAULTS = {
    "nothing": [],
    "no data": [answer("VIN", line("NO DATA"))],
    "can error": [answer("VIN", line("CAN ERROR"))],
    "bus error": [answer("VIN", line("BUS ERROR"))],
    "data error": [answer("VIN", frames("7E8 10 14 49 02 01 57 50 30", "7E8 21 5A 5A &lt;DATA ERROR"))],
    "rx error": [answer("VIN", frames("7E8 10 14 49 02 01 57 50 30 &lt;RX ERROR"))],
    "stopped": [answer("VIN", line("STOPPED"))],
    "unable to connect": [answer("VIN", line("UNABLE TO CONNECT"))],
    "unable to connect at all": [
        answer("ELM_PIDS_A", line("UNABLE TO CONNECT")),
        answer("VIN", line("UNABLE TO CONNECT")),
    ],
    "act alert": [answer("VIN", line("ACT ALERT"))],
    "low voltage reset": [answer("VIN", line("LV RESET"))],
    "an internal error": [answer("VIN", line("ERR94"))],
    "a question mark": [answer("VIN", line("?"))],
    "buffer full": [answer("VIN", frames("7E8 10 14 49 02 01 57 50 30", "7E8 21 5A 5A", "BUFFER FULL"))],
    "a cut frame": [answer("VIN", frames("7E8 10 14 49 02 01 57 50 30", "7E8 21 5A 5A 5A"))],
    "a lost frame": [answer("VIN", frames("7E8 10 14 49 02 01 57 50 30", "7E8 22 53 33 39 30 30 30 30"))],
    "frames out of order": [
        answer(
            "VIN",
            frames("7E8 10 14 49 02 01 57 50 30", "7E8 22 53 33 39 30 30 30 30", "7E8 21 5A 5A 5A 39 39 5A 54"),
        )
    ],
    "two ecus": [
        answer(
            "VIN",
            frames(
                "7E8 10 14 49 02 01 57 50 30",
                "7EA 10 14 49 02 01 4D 41 54",
                "7E8 21 5A 5A 5A 39 39 5A 54",
                "7EA 21 34 30 33 30 39 36 42",
                "7E8 22 53 33 39 30 30 30 30",
                "7EA 22 4E 4C 30 30 30 30 30",
            ),
        )
    ],
    "garbage": [answer("VIN", line("~~~ GHIJ \u00ff\u00fe 7E8"))],
    "a prompt too early": [answer("VIN", frames("7E8 10 14 49 02 01 57 50 30", "&gt;", "7E8 21 5A 5A 5A 39 39 5A 54"))],
    "half a byte": [answer("VIN", line("7E8 1"))],
    "an answer to something else": [answer("VIN", line("7E8 06 41 00 BE 3F A8 13"))],
    "pending first": [answer("VIN", frames("7E8 03 7F 09 78") + late(1, "7E8 03 7F 09 31"))],
    "pending for ever": [answer("VIN", frames("7E8 03 7F 09 78"))],
    "a late answer": [answer("VIN", late(3, "NO DATA"))],
    "silence": ["emulator.ELM_R_UNKNOWN = ''", answer("VIN", "")],
    "no voltage": [answer("AT_R_VOLT", line("?"))],
    "a voltage of nothing": [answer("AT_R_VOLT", line("0.0V"))],
    "slow": ["delay 1"],
    "slow bytes": ["timer P1 0.02"],
    "another version": ["version ELM327 v2.1"],
    "an impossible version": ["version OBDII v9.9"],
    "the engine off": ["engineoff"],
    "echo that stays": [answer("AT_ECHO", line("OK"))],
}

HIDES_THE_VIN = set(FAULTS) - {
    "nothing",
    "two ecus",
    "no voltage",
    "a voltage of nothing",
    "slow",
    "slow bytes",
    "another version",
    "an impossible version",
    "echo that stays",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.replace(" ", "-"))
def test_a_fault_leads_to_the_right_value_or_to_an_error_that_says_why(start_emulator, fault):
    emulator = start_emulator()
    emulator.inject(*FAULTS[fault])
    found = scan("--elm327", "tcp:{}:{}".format(*emulator.address), within_s=IN_TIME_S)
    if found.exit_code == 0:
        vin = found.values().get("vin")
        assert vin in VINS or (vin is None and fault in HIDES_THE_VIN), found.stdout
    else:
        assert fault != "nothing", found.stderr
        assert found.is_an_error_that_says_why()


def test_a_sound_adapter_gives_all_there_is(start_emulator):
    emulator = start_emulator()
    found = scan("--elm327", "tcp:{}:{}".format(*emulator.address)).values()
    assert found["vin"] in VINS
    assert 12_500 < found["supply_mv"] < 14_500
    assert "ELM327 v1.5" in str(found["adapter"])


def test_a_pseudo_terminal_is_as_good(start_emulator):
    emulator = start_emulator("pty")
    assert scan("--elm327", emulator.path).values()["vin"] in VINS


def test_an_adapter_that_vanishes_is_an_error(start_emulator):
    emulator = start_emulator()
    emulator.inject("delay 3")
    emulator.kill()
    found = scan("--elm327", "tcp:{}:{}".format(*emulator.address), within_s=IN_TIME_S)
    assert found.is_an_error_that_says_why()


def test_its_serial_can_adapter_is_read_through_a_cable(start_emulator, tmp_path):
    cable = Cable(tmp_path)
    try:
        start_emulator("slcan", cable.ends[0])
        found = scan("--slcan", cable.ends[1], within_s=IN_TIME_S).values()
        assert found["vin"] in VINS
    finally:
        cable.cut()
