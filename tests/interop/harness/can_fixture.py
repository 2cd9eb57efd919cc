"""An ECU behind an SLCAN adapter, both made by hand, so that every frame can go wrong as a test wants it."""

import os
import select
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
        self._ended = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def end(self):
        # A thread that still read would read from whoever gets the descriptor next.
        self._ended.set()
        self._reader.join()
        os.close(self._tester)
        os.close(self._adapter)

    def _read(self):
        line = b""
        while not self._ended.is_set():
            if not select.select([self._adapter], [], [], 0.05)[0]:
                continue
            for byte in os.read(self._adapter, 4096):
                if byte == 0x0D:
                    self._command(line)
                    line = b""
                else:
                    line += bytes([byte])

    def _write(self, data):
        if not self._ended.is_set():
            os.write(self._adapter, data)

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
            threading.Thread(target=self._reply, args=(request,), daemon=True).start()

    def send(self, data, identifier=RESPONSE):
        self._write(f"t{identifier:03X}{len(data)}{data.hex().upper()}\r".encode())

    def _reply(self, request):
        for step in self._answer(request):
            if self._ended.is_set():
                return
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
