"""An ECU behind an SLCAN adapter, both made by hand, so that every frame can go wrong as a test wants it."""

import os
import threading
import time
import tty

REQUEST, RESPONSE = 0x7E0, 0x7E8
PENDING = bytes.fromhex("7f 22 78")


def frames_of(message):
    """A message in ISO-TP frames; what follows the first waits for a flow control."""
    if len(message) < 8:
        return [bytes([len(message)]) + message]
    first = bytes([0x10 | len(message) >> 8, len(message) & 0xFF]) + message[:6]
    rest = [message[at : at + 7] for at in range(6, len(message), 7)]
    return [first, *(bytes([0x20 | index & 15]) + part for index, part in enumerate(rest, start=1))]


class CanEcu:
    """Answers requests with what `answer(request)` gives: messages, or lists of frames to be sent as they are."""

    def __init__(self, answer):
        self._answer = answer
        self._adapter, tester = os.openpty()
        tty.setraw(self._adapter)
        tty.setraw(tester)
        self.path = os.ttyname(tester)
        self._tester = tester
        self._flow = threading.Event()
        self._partial = b""
        self.requests = []
        threading.Thread(target=self._read, daemon=True).start()

    def end(self):
        os.close(self._tester)
        os.close(self._adapter)

    def _read(self):
        line = b""
        while True:
            try:
                received = os.read(self._adapter, 4096)
            except OSError:
                return
            for byte in received:
                if byte == 0x0D:
                    self._command(line)
                    line = b""
                else:
                    line += bytes([byte])

    def _write(self, data):
        try:
            os.write(self._adapter, data)
        except OSError:
            self._flow.set()

    def _command(self, line):
        if line[:1] != b"t":
            self._write(b"\r")
            return
        self._write(b"z\r")
        identifier, data = int(line[1:4], 16), bytes.fromhex(line[5:].decode())
        if identifier == REQUEST and data[0] >> 4 == 3:
            self._flow.set()
        elif identifier in (REQUEST, 0x7DF) and data[0] >> 4 == 0:
            request = data[1 : 1 + data[0]]
            self.requests.append(request)
            threading.Thread(target=self._reply, args=(request,), daemon=True).start()

    def send(self, data, identifier=RESPONSE):
        self._write(f"t{identifier:03X}{len(data)}{data.hex().upper()}\r".encode())

    def _reply(self, request):
        for step in self._answer(request):
            match step:
                case bytes():
                    self._send_message(step)
                case float():
                    time.sleep(step)
                case [identifier, bytes() as data]:
                    self.send(data, identifier)

    def _send_message(self, message):
        self._flow.clear()
        first, *rest = frames_of(message)
        self.send(first)
        if rest and self._flow.wait(1):
            for frame in rest:
                self.send(frame)
                time.sleep(0.001)
