"""Our tester at every copy of the chip that our ECU can pretend to be: the VIN, or an error that says why."""

import pytest

from harness.ecu import CLONES, VIN
from harness.scan import scan

CANNOT = {"bluetooth-freeze"}
"""Those that no tester can get everything from."""


@pytest.mark.parametrize("clone", CLONES)
@pytest.mark.parametrize("port", ["tcp", "pty"])
def test_every_copy_of_the_chip_is_scanned(start_ecu, clone, port):
    ecu = start_ecu("--clone", clone)
    address = "tcp:{}:{}".format(*ecu.tcp("elm327")) if port == "tcp" else ecu.pty("elm327")
    found = scan("--elm327", address, within_s=60)
    if found.exit_code == 0:
        assert found.values()["vin"] == VIN
    else:
        assert clone in CANNOT, found.stderr
        assert found.is_an_error_that_says_why()


def test_an_adapter_is_scanned_again_and_again(ecu):
    for _ in range(10):
        assert scan("--elm327", "tcp:{}:{}".format(*ecu.tcp("elm327"))).values()["vin"] == VIN
