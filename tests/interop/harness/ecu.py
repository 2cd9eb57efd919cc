"""Our ECU as a program, and what it prints about its endpoints."""

import hashlib
import hmac
import time

from harness.programs import HEADLOCK, ROOT, Program

VIN = "VWVWZZZ1KZW386754"
"""Neither end is 0, 1 or 2: python-OBD takes those for padding."""
CODE = "1234"
LOGICAL_ADDRESS = 0x1001
FUNCTIONAL_ADDRESS = 0xE400
TESTER_ADDRESS = 0x0E00
DEVICE_KEY = bytes(range(32))
WRONG_KEY = bytes(16)

CLONES = [
    *("genuine-v1.4", "genuine-v2.2", "fair-v1.5", "clone-v1.5", "two-byte-v2.1"),
    *("bluetooth-freeze", "hangs-on-tpa0", "leading-zeros", "stn1110"),
]

CLARION = ["ecu", "clarion-cl", "--reading", "s1-faq"]
EVERYTHING = ["--catalog", ROOT / "tests/interop/catalog", "ecu", "bench/everything"]
"""A unit whose reading grants a tester every request there is: of the others, each grants what its sources say."""

ENDPOINTS = [
    *("--doip", "127.0.0.1:0"),
    *("--elm327", "tcp:127.0.0.1:0"),
    *("--elm327", "pty"),
    *("--slcan", "pty"),
    *("--socketcand", "127.0.0.1:0"),
    *("--sovd", "127.0.0.1:0"),
]


def key_for(level, seed, device_key=DEVICE_KEY):
    """The key that answers a seed; `level` is the odd sub-function that asked for it."""
    message = b"headlock security access" + bytes([level]) + bytes(seed)
    return hmac.new(device_key, message, hashlib.sha256).digest()[:16]


class Ecu(Program):
    """A started ECU. Its state file outlives it, so that a second one in the same folder is the same unit."""

    def __init__(self, folder, *more, unit=CLARION):
        key_file = folder / "device.key"
        key_file.write_text(DEVICE_KEY.hex() + "\n")
        owned = ["--code", CODE, "--vin", VIN, "--key-file", key_file, "--state", folder / "state"]
        super().__init__([HEADLOCK, *unit, *owned, *ENDPOINTS, *more], folder, "ecu")
        self.endpoints = self._read_endpoints(time.monotonic() + 10)

    def _read_endpoints(self, deadline):
        endpoints = []
        while (line := self.next_line(deadline)) != "ready":
            kind, address = line.split(" ", 1)
            endpoints.append((kind, address))
        return endpoints

    def tcp(self, kind):
        """Host and port of an endpoint."""
        found = [a for k, a in self.endpoints if k == kind and not a.startswith("/")]
        assert len(found) == 1, f"one TCP endpoint {kind} in {self.endpoints}"
        host, port = found[0].rsplit(":", 1)
        return host, int(port)

    def pty(self, kind):
        """Path of an endpoint."""
        found = [a for k, a in self.endpoints if k == kind and a.startswith("/")]
        assert len(found) == 1, f"one pseudo-terminal {kind} in {self.endpoints}"
        return found[0]
