"""A client of the line protocol that shares no code with the server."""

import socket

from support import PATIENCE


class LineClient:
    def __init__(self, port, receive_bytes=None, host="127.0.0.1"):
        self.socket = socket.socket()
        if receive_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(PATIENCE)
        self.socket.connect((host, port))
        self.answers = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.answers.close()
        self.socket.close()

    def send(self, *lines):
        self.socket.sendall("".join(line + "\r\n" for line in lines).encode())

    def receive(self):
        """The next answer without its end; empty when the server has closed."""
        line = self.answers.readline()
        if line and not line.endswith(b"\r\n"):
            raise AssertionError(f"no whole line: {line!r}")
        return line[:-2].decode()

    def ask(self, line):
        self.send(line)
        return self.receive()

    def do(self, *lines):
        """Asks all of them, whose answers must be empty."""
        for line in lines:
            answer = self.ask(line)
            if answer != "OK ":
                raise AssertionError(f"{line!r}: {answer!r}")

    def rest(self):
        """All that comes before the server closes."""
        return self.answers.read()
