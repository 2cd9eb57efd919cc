"""Programs that a test starts, and ends by their own process id."""

import os
import queue
import signal
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
HEADLOCK = Path(os.environ.get("HEADLOCK_BIN", ROOT / "target/release/headlock"))


class Program:
    """A running program: what it prints can be awaited line by line."""

    def __init__(self, arguments, folder, name, **popen):
        self.name = name
        self._stderr_path = Path(folder) / f"{name}.stderr"
        with open(self._stderr_path, "ab") as stderr:
            self.process = subprocess.Popen(
                [str(argument) for argument in arguments], stdout=subprocess.PIPE, stderr=stderr, **popen
            )
        self._lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line.decode(errors="replace").rstrip("\r\n"))
        self._lines.put(None)

    def next_line(self, deadline):
        """The next line, or an error that tells what went wrong."""
        try:
            line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise AssertionError(f"{self.name} printed nothing in time; stderr: {self.stderr()}") from None
        if line is None:
            raise AssertionError(f"{self.name} ended with {self.process.wait()}; stderr: {self.stderr()}")
        return line

    def stderr(self):
        return self._stderr_path.read_text(errors="replace")

    def alive(self):
        return self.process.poll() is None

    def ask_to_end(self, number=signal.SIGTERM, within_s=5):
        """Sends a signal and answers the exit code; kills and fails when it does not end."""
        if self.alive():
            self.process.send_signal(number)
        try:
            return self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {within_s} s of signal {number}") from None

    def kill(self):
        """Ends it as a power cut would."""
        if self.alive():
            self.process.kill()
        self.process.wait()
