"""ELM327-emulator as a program, with the command line through which faults are injected."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from harness.programs import Program

VINS = {"WP0ZZZ99ZTS390000", "MAT403096BNL00000", "SB1ZS3JE60E282102"}
"""Its scenario `car` draws one at every request."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(address, within_s=10):
    """Waits until something listens."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            socket.create_connection(address, timeout=1).close()
            return True
        except OSError:
            time.sleep(0.05)
    return False


class Emulator(Program):
    """A started emulator in its scenario `car`: an ELM327 on TCP or a pseudo-terminal, or a serial CAN adapter."""

    def __init__(self, folder, wire="tcp", *more):
        folder.mkdir()
        self.folder, self.address, self.path = folder, ("127.0.0.1", free_port()), None
        fifo = folder / "commands"
        os.mkfifo(fifo)
        # Opened for both, a pipe without a writer does not look like an end of input.
        self._commands = os.open(fifo, os.O_RDWR)
        elm = Path(sys.executable).with_name("elm")
        wires = {"tcp": ["-n", self.address[1]], "pty": [], "slcan": ["-c", *more]}
        batch = ["-s", "car", "-b", folder / "out.log", *wires[wire]]
        super().__init__([elm, *batch], folder, "emulator", stdin=self._commands, cwd=folder)
        if wire == "pty":
            self.path = self._first_line_of_the_log()
        else:
            assert wire == "slcan" or answers(self.address), f"no emulator on {self.address}: {self.stderr()}"

    def _first_line_of_the_log(self):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            log = self.folder / "out.log"
            if log.exists() and "\n" in self.log():
                return self.log().splitlines()[0]
            time.sleep(0.05)
        raise AssertionError(f"the emulator names no pseudo-terminal: {self.stderr()}")

    def command(self, line):
        """Types one line; what it prints lands in out.log."""
        os.write(self._commands, f"{line}\n".encode())

    def inject(self, *lines):
        """Types lines and waits until the last has been carried out."""
        for line in lines:
            self.command(line)
        flag = self.folder / "injected"
        self.command(f"open({str(flag)!r}, 'w').close()")
        deadline = time.monotonic() + 5
        while not flag.exists():
            assert time.monotonic() < deadline, f"not carried out: {lines}; {self.log()}"
            time.sleep(0.02)
        flag.unlink()

    def log(self):
        return (self.folder / "out.log").read_text(errors="replace")

    def kill(self):
        if self.alive():
            super().kill()
            os.close(self._commands)


class Cable:
    """Two pseudo-terminals, joined by socat."""

    def __init__(self, folder):
        self.ends = [str(folder / "cable-a"), str(folder / "cable-b")]
        joined = [f"pty,raw,echo=0,link={end}" for end in self.ends]
        self._socat = subprocess.Popen(["socat", *joined])
        deadline = time.monotonic() + 5
        while not all(os.path.exists(end) for end in self.ends):
            assert time.monotonic() < deadline, "socat made no pseudo-terminals"
            time.sleep(0.02)

    def cut(self):
        self._socat.kill()
        self._socat.wait()
