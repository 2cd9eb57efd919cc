"""Our tester as a program."""

import json
import subprocess
import time
from dataclasses import dataclass

from harness.programs import HEADLOCK

PANIC = 101


@dataclass
class Scan:
    """What `headlock scan` answered."""

    exit_code: int
    stdout: str
    stderr: str
    took_s: float

    def values(self):
        assert self.exit_code == 0, f"exit {self.exit_code}: {self.stderr}{self.stdout}"
        return json.loads(self.stdout)

    def is_an_error_that_says_why(self):
        """Neither a panic nor a signal nor silence."""
        assert self.exit_code > 0, f"ended by signal {-self.exit_code}: {self.stderr}"
        assert self.exit_code != PANIC and "panicked" not in self.stderr, self.stderr
        assert self.stderr.strip() or self.stdout.strip(), "an error without a word"
        return True


def scan(*target, within_s=30):
    """Runs `headlock scan`; fails when it does not end in time."""
    arguments = [str(HEADLOCK), "scan", *(str(word) for word in target), "--json"]
    started = time.monotonic()
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=within_s, check=False)
    except subprocess.TimeoutExpired as late:
        raise AssertionError(f"{arguments} did not end within {within_s} s: {late.stderr!r}") from None
    return Scan(done.returncode, done.stdout, done.stderr, time.monotonic() - started)
