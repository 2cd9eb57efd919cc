"""Fixtures: our ECU and a foreign ELM327, started for one test and ended by process id."""

import pytest
from hypothesis.configuration import set_hypothesis_home_dir

from harness.ecu import EVERYTHING, Ecu
from harness.emulator import Emulator
from harness.programs import HEADLOCK, ROOT

# What Hypothesis keeps stays out of the sources.
set_hypothesis_home_dir(ROOT / "target/interop/hypothesis")


@pytest.fixture
def start_ecu(tmp_path):
    """Starts ECUs in one folder, or in folders of their own by name; ends them all, and cleanly."""
    assert HEADLOCK.is_file(), f"{HEADLOCK} is lacking: cargo build --release, or set HEADLOCK_BIN"
    started = []

    def start(*more, folder="unit", **unit):
        home = tmp_path / folder
        home.mkdir(exist_ok=True)
        started.append(Ecu(home, *more, **unit))
        return started[-1]

    yield start
    living = [ecu for ecu in started if ecu.alive()]
    ends = [ecu.ask_to_end() for ecu in living]
    said = "\n".join(ecu.stderr() for ecu in started)
    assert ends == [0] * len(living), f"exit codes {ends}; stderr: {said}"
    assert "panicked" not in said, said


@pytest.fixture
def ecu(start_ecu):
    return start_ecu()


@pytest.fixture
def willing_ecu(start_ecu):
    """One that grants a tester everything that testers can ask of a lock."""
    return start_ecu(unit=EVERYTHING)


@pytest.fixture
def start_emulator(tmp_path):
    started = []

    def start(*arguments):
        started.append(Emulator(tmp_path / f"emulator-{len(started)}", *arguments))
        return started[-1]

    yield start
    for emulator in started:
        emulator.kill()
