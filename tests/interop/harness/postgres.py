"""A PostgreSQL server of our own, on a free port of this machine."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from harness.programs import Program


def _program(name):
    """Debian keeps them off the path, in a folder for each version."""
    found = shutil.which(name) or max(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), default=None)
    assert found, f"{name} is lacking: apt-get install postgresql"
    return found


class Postgres(Program):
    """It ends with the test; its folder is its own, since it does not run as root."""

    def __init__(self):
        self._folder = Path(tempfile.mkdtemp(prefix="headlock-postgres-"))
        other = []
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres", "postgres")
            other = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        data = self._folder / "data"
        made = [*other, _program("initdb"), "-D", data, "-A", "trust", "-U", "registry", "--no-locale", "-E", "UTF8"]
        subprocess.run(made, check=True, capture_output=True, timeout=120)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        served = [*other, _program("postgres"), "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", self._folder]
        super().__init__(served, self._folder, "postgres")
        self.address = f"postgres://registry@127.0.0.1:{port}/postgres"
        ready = [_program("pg_isready"), "-h", "127.0.0.1", "-p", str(port)]
        deadline = time.monotonic() + 60
        while subprocess.run(ready, capture_output=True).returncode:
            assert time.monotonic() < deadline and self.alive(), self.stderr()
            time.sleep(0.1)

    def end(self):
        # A fast stop: whoever is still connected is not waited for.
        self.ask_to_end(signal.SIGINT, within_s=30)
        shutil.rmtree(self._folder, ignore_errors=True)
