"""Ill-behaved clients by the thousand, in one event loop: python3 swarm.py HTTP_PORT LINE_PORT CONNECTIONS.

Says `ready` when every connection is open and has done its worst once, goes on until its standard input ends, and then
prints what it saw as one JSON object. Connections that the node closes are opened again.
"""

import collections
import json
import resource
import selectors
import socket
import sys
import time

HUGE = 50 << 20
BODY = 1 << 20
CHUNK = b"x" * (256 << 10)
# Loopback addresses that connections come from: one alone has too few ports for many runs in a row.
SOURCES = 32
# Slow clients send a byte each in this time, and as many connections as this are opened again in it.
ROUND_S = 0.2
REOPENED = 10

JSON_POST = (b"POST /main/_update HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
             b"Content-Length: %d\r\n\r\n")
GET = b"GET /main HTTP/1.1\r\nHost: x\r\n\r\n"
# Out of a hundred connections.
SHARES = {"idle": 24, "silent": 15, "half_header": 15, "slow_header": 10, "slow_body": 14, "deaf": 14,
          "huge_header": 4, "writer": 4}
LINES = 8


class Client:
    """One connection: what it still has to send, and what it does with what it gets."""

    def __init__(self, swarm, role, number):
        self.swarm, self.role, self.number = swarm, role, number
        self.received, self.sent, self.updates, self.closed = b"", 0, 0, False
        self.drips, self.reads = role in ("slow_header", "slow_body"), role != "deaf"
        self.socket = socket.socket()
        if role == "deaf":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.setsockopt(socket.IPPROTO_IP, getattr(socket, "IP_BIND_ADDRESS_NO_PORT", 24), 1)
        self.socket.bind((f"127.0.0.{2 + number % SOURCES}", 0))
        self.socket.connect(("127.0.0.1", swarm.line_port if role == "huge_line" else swarm.http_port))
        self.socket.setblocking(False)
        self.unsent = self.opening()
        self.events = 0
        self.watch()

    def opening(self):
        if self.role == "half_header":
            return b"POST /main/_search HTTP/1.1\r\nHost: x\r\nX-Half: "
        if self.role == "slow_header":
            return b"GET / HTTP/1.1\r\nX-Slow: "
        if self.role == "slow_body":
            return JSON_POST % BODY + b" " * (BODY * 3 // 4)
        if self.role == "huge_header":
            return b"GET / HTTP/1.1\r\nX-Huge: "
        if self.role == "writer":
            return self.update()
        return {"idle": GET, "deaf": GET * 16}.get(self.role, b"")

    def update(self):
        self.updates += 1
        document = 1_000_000 + self.number * 1000 + self.updates % 1000
        hashes = list(range(document, document + 2000))
        body = json.dumps({"changes": [{"insert": {"id": document, "hashes": hashes}}]}).encode()
        return JSON_POST % len(body) + body

    def is_huge(self):
        return self.role.startswith("huge") and self.sent < HUGE

    def watch(self):
        wanted = (selectors.EVENT_READ if self.reads else 0) | (
            selectors.EVENT_WRITE if self.unsent or self.is_huge() else 0)
        if wanted == self.events:
            return
        if not self.events:
            self.swarm.selector.register(self.socket, wanted, self)
        elif not wanted:
            self.swarm.selector.unregister(self.socket)
        else:
            self.swarm.selector.modify(self.socket, wanted, self)
        self.events = wanted

    def on(self, events):
        try:
            if events & selectors.EVENT_READ:
                self.take(self.socket.recv(1 << 16))
            if events & selectors.EVENT_WRITE and not self.closed:
                sent = self.socket.send(self.unsent or CHUNK)
                self.unsent = self.unsent[sent:]
                self.sent += sent
        except BlockingIOError:
            pass
        except OSError:
            self.close("reset")
        if not self.closed:
            self.watch()

    def drip(self):
        """A slow client's next byte; a deaf one, which hears of nothing, learns here that it was cut off."""
        if self.closed or self.unsent:
            return
        try:
            if self.drips:
                self.socket.send(b" ")
            elif not self.reads and self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self.close("reset")
        except BlockingIOError:
            pass
        except OSError:
            self.close("reset")

    def take(self, received):
        if not received:
            self.close("closed")
            return
        if self.role == "huge_line" or not self.received:
            self.count_answer(received)
        self.received += received
        if self.role != "writer":
            self.received = self.received[:1]
            return
        head, end, body = self.received.partition(b"\r\n\r\n")
        if end and len(body) >= int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]):
            self.received = b""
            self.unsent = self.update()

    def count_answer(self, received):
        answer = received.split(b"\r\n")[0].decode() if self.role == "huge_line" else received[9:12].decode()
        self.swarm.seen[f"{self.role} {answer}"] += 1

    def close(self, how):
        if self.closed:
            return
        self.closed = True
        if how:
            self.swarm.seen[f"{self.role} {how}"] += 1
            self.swarm.gone.append(self)
        if self.events:
            self.swarm.selector.unregister(self.socket)
        self.socket.close()


class Swarm:
    def __init__(self, http_port, line_port, connections):
        self.http_port, self.line_port = http_port, line_port
        self.selector = selectors.DefaultSelector()
        self.seen = collections.Counter()
        self.gone = collections.deque()
        self.clients = {}
        roles = [r for r, share in SHARES.items() for _ in range(connections * share // 100)] + ["huge_line"] * LINES
        for number, role in enumerate(roles):
            self.clients[number] = Client(self, role, number)
            if number % 100 == 0:
                self.work(0)

    def work(self, timeout):
        """False when standard input has ended."""
        for key, events in self.selector.select(timeout):
            if key.data is None:
                return False
            key.data.on(events)
        return True

    def run(self):
        self.selector.register(sys.stdin, selectors.EVENT_READ, None)
        rounds, next_round, goes_on = 0, time.monotonic(), True
        while goes_on:
            goes_on = self.work(max(0, next_round - time.monotonic()))
            if time.monotonic() >= next_round:
                rounds, next_round = rounds + 1, time.monotonic() + ROUND_S
                self.begin_round(rounds)
        for client in self.clients.values():
            client.close(None)

    def begin_round(self, rounds):
        if rounds == 3:
            print("ready", flush=True)
        for client in self.clients.values():
            client.drip()
        for _ in range(min(REOPENED, len(self.gone))):
            client = self.gone.popleft()
            self.clients[client.number] = Client(self, client.role, client.number)


if __name__ == "__main__":
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    swarm = Swarm(*map(int, sys.argv[1:]))
    swarm.run()
    print(json.dumps(swarm.seen), flush=True)
