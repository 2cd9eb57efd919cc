"""DoIP as bare as it gets: bytes that no library would send, and answers that no library hides."""

import socket
import struct
import time

from harness.ecu import LOGICAL_ADDRESS, TESTER_ADDRESS

ROUTING_ACTIVATION, ROUTING_ACTIVATED = 0x0005, 0x0006
ALIVE_CHECK, ALIVE = 0x0007, 0x0008
DIAGNOSTIC, ACKNOWLEDGED, REFUSED = 0x8001, 0x8002, 0x8003
SUCCESS = 0x10


def message(payload_type, payload=b"", version=2):
    return struct.pack("!BBHI", version, version ^ 0xFF, payload_type, len(payload)) + payload


class Connection:
    """A TCP connection to a DoIP entity."""

    def __init__(self, address, source=TESTER_ADDRESS, version=2):
        self.version, self.source = version, source
        self.socket = socket.create_connection(address, timeout=5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, payload_type, payload=b""):
        self.socket.sendall(message(payload_type, payload, self.version))

    def receive(self, within_s=2.0):
        """The next message as (type, payload); None when the entity has closed."""
        deadline = time.monotonic() + within_s
        while (parsed := self._parse()) is None:
            self.socket.settimeout(max(0.001, deadline - time.monotonic()))
            received = self.socket.recv(65536)
            if not received:
                assert not self._buffer, f"closed within a message: {self._buffer.hex(' ')}"
                return None
            self._buffer += received
        return parsed

    def _parse(self):
        if len(self._buffer) < 8:
            return None
        version, inverse, payload_type, length = struct.unpack("!BBHI", self._buffer[:8])
        assert version ^ inverse == 0xFF, self._buffer.hex(" ")
        if len(self._buffer) < 8 + length:
            return None
        payload, self._buffer = self._buffer[8 : 8 + length], self._buffer[8 + length :]
        return payload_type, payload

    def activate(self, activation_type=0):
        """Asks for routing and answers the code."""
        self.send(ROUTING_ACTIVATION, struct.pack("!HBI", self.source, activation_type, 0))
        payload_type, payload = self.receive()
        assert payload_type == ROUTING_ACTIVATED, f"{payload_type:04x} {payload.hex(' ')}"
        assert payload[:2] == struct.pack("!H", self.source), payload.hex(" ")
        return payload[4]

    def request(self, uds, target=LOGICAL_ADDRESS):
        """Sends a request and takes its acknowledgement."""
        self.send(DIAGNOSTIC, struct.pack("!HH", self.source, target) + uds)
        payload_type, payload = self.receive()
        assert payload_type == ACKNOWLEDGED, f"{uds.hex(' ')}: {payload_type:04x} {payload.hex(' ')}"
        echo = payload[5:]
        assert echo == uds[: len(echo)], f"acknowledged {echo.hex(' ')} for {uds.hex(' ')}"

    def response(self, within_s=2.0):
        """The next answer of the ECU."""
        payload_type, payload = self.receive(within_s)
        assert payload_type == DIAGNOSTIC, f"{payload_type:04x} {payload.hex(' ')}"
        source, target = struct.unpack("!HH", payload[:4])
        assert (source, target) == (LOGICAL_ADDRESS, self.source), payload.hex(" ")
        return payload[4:]

    def ask(self, uds, within_s=2.0):
        """Sends a request and answers the first response, be it 0x78."""
        self.request(uds)
        return self.response(within_s)


def activated(address, source=TESTER_ADDRESS, version=2):
    """A connection whose routing is active."""
    connection = Connection(address, source, version)
    assert connection.activate() == SUCCESS
    return connection
