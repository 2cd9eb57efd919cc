"""gallia's virtual ECUs, a hundred of them, each random in its own way: our tester ends well with every one."""

import asyncio
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from gallia.services.uds.core.constants import UDSIsoServices
from gallia.services.uds.server import RandomUDSServer, TCPUDSServerTransport
from gallia.transports import TargetURI

from harness.emulator import answers, free_port
from harness.scan import scan

MANDATORY = [
    UDSIsoServices.DiagnosticSessionControl,
    UDSIsoServices.TesterPresent,
    UDSIsoServices.ReadDataByIdentifier,
    UDSIsoServices.SecurityAccess,
    UDSIsoServices.RoutineControl,
]
# Random enough that some identifiers are known and some trouble codes are there.
LIKELY = {"p_identifier": 0.5, "p_service": 0.5, "p_correct_payload_format": 0.5}
IN_TIME_S = 20


class VirtualEcus:
    """All of them in one process, each on a port of its own."""

    def __init__(self, seeds):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        starting = [asyncio.run_coroutine_threadsafe(self._start(seed), self._loop) for seed in seeds]
        self.addresses = dict(zip(seeds, [started.result(30) for started in starting], strict=True))

    async def _start(self, seed):
        parameters = RandomUDSServer.RandomnessParameters(mandatory_services=MANDATORY, **LIKELY)
        ecu = RandomUDSServer(seed, parameters)
        await ecu.setup()
        transport = TCPUDSServerTransport(ecu, TargetURI("tcp://127.0.0.1:0"))
        server = await asyncio.start_server(transport.handle_client, "127.0.0.1", 0)
        return server.sockets[0].getsockname()

    def end(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


@pytest.fixture(scope="module")
def virtual_ecus():
    ecus = VirtualEcus(range(100))
    yield ecus
    ecus.end()


def ask(address, request):
    """One request and its answer, a line of hexadecimal digits each."""
    with socket.create_connection(address, timeout=5) as wire:
        wire.sendall(request.encode() + b"\n")
        return wire.makefile().readline().strip()


def expected(address, did):
    """What an ECU says about an identifier; nothing when it refuses."""
    answer = ask(address, f"22{did}")
    return bytes.fromhex(answer[6:]) if answer.startswith("62") else None


@pytest.mark.parametrize("seed", range(100))
def test_a_random_ecu_is_scanned_to_the_end_and_nothing_is_made_up(virtual_ecus, seed):
    address = virtual_ecus.addresses[seed]
    said = {"vin": expected(address, "f190"), "serial": expected(address, "f18c")}
    found = scan("--target", "tcp-lines://{}:{}".format(*address), within_s=IN_TIME_S)
    if found.exit_code != 0:
        assert found.is_an_error_that_says_why()
        return
    values = found.values()
    for name, value in said.items():
        assert values.get(name) is None or (value is not None and values[name].encode() == value), values
    assert values.get("vin") is None or len(values["vin"]) == 17, values


def test_its_own_command_line_serves_the_same_protocol():
    port = free_port()
    gallia = Path(sys.executable).with_name("gallia")
    services = [service.name for service in MANDATORY]
    command = [gallia, "script", "vecu", "rng", "--seed", "42", "--mandatory-services", *services]
    vecu = subprocess.Popen([*command, "--no-volatile-info", f"tcp://127.0.0.1:{port}"], stderr=subprocess.DEVNULL)
    try:
        assert answers(("127.0.0.1", port))
        assert ask(("127.0.0.1", port), "3e00") == "7e00"
        found = scan("--target", f"tcp-lines://127.0.0.1:{port}", within_s=IN_TIME_S)
        assert found.exit_code == 0 or found.is_an_error_that_says_why()
    finally:
        vecu.kill()
        vecu.wait()
