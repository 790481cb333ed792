"""500 connections of the line protocol, most of them ill-behaved, beside clients of the other gateways."""

import itertools
import pathlib
import selectors
import threading

import requests

from line_client import LineClient
from support import PATIENCE, NodeTest

BUSY, SLOW, DEAF, SILENT = 120, 120, 60, 200
DOCUMENTS = range(1, 501)
QUERY = "search 1000,1001"
FOUND = "OK " + " ".join(f"{i}:2" for i in DOCUMENTS)
# Of the node, above what it needs without them. What the deaf ones ask for is many times as much.
MAX_GROWTH = 128 << 20
IDLE_TIMEOUT_MS = 4000


def resident_bytes(node):
    status = pathlib.Path(f"/proc/{node.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


class Swarm(threading.Thread):
    """All clients but the silent ones, in one event loop."""

    def __init__(self, port):
        super().__init__()
        self.enough = threading.Event()
        self.warm = threading.Event()
        self.wrong = []
        self.answered = {"busy": 0, "slow": 0}
        self.deaf_bytes = 0
        self.selector = selectors.DefaultSelector()
        self.clients = []
        for role, count in (("busy", BUSY), ("slow", SLOW), ("deaf", DEAF)):
            for _ in range(count):
                client = LineClient(port, receive_bytes=4096 if role == "deaf" else None)
                client.socket.setblocking(False)
                client.role, client.received = role, b""
                client.unsent = itertools.cycle((QUERY + "\n").encode())
                self.clients.append(client)
                events = selectors.EVENT_WRITE if role == "deaf" else selectors.EVENT_READ
                self.selector.register(client.socket, events, client)

    def run(self):
        deaf_lines = (QUERY + "\n").encode() * 200
        slow = [c for c in self.clients if c.role == "slow"]
        for client in self.clients:
            if client.role == "busy":
                client.socket.sendall((QUERY + "\n").encode())
        while not self.enough.is_set():
            for client in slow:
                client.socket.send(bytes([next(client.unsent)]))
            for key, _ in self.selector.select(0.01):
                if key.data.role == "deaf":
                    self.deaf_bytes += key.fileobj.send(deaf_lines)
                else:
                    self.take(key.data)
            if min(self.answered.values()) > 0 and self.deaf_bytes > 0:
                self.warm.set()

    def take(self, client):
        received = client.socket.recv(1 << 16)
        if not received:
            self.wrong.append((client.role, "closed"))
            self.selector.unregister(client.socket)
        client.received += received
        while b"\r\n" in client.received:
            answer, _, client.received = client.received.partition(b"\r\n")
            self.answered[client.role] += 1
            if answer.decode() != FOUND:
                self.wrong.append((client.role, answer))
            if client.role == "busy":
                client.socket.sendall((QUERY + "\n").encode())

    def close(self):
        self.selector.close()
        for client in self.clients:
            client.close()


class Soak(NodeTest):
    def test_the_other_gateways_are_undisturbed(self):
        node = self.start("--legacy-port", "any")
        with LineClient(node.line_port) as line:
            line.do("begin", *(f"insert {i} 1000,1001,{2000 + i}" for i in DOCUMENTS), "commit")
        before = resident_bytes(node)

        silent = [LineClient(node.line_port) for _ in range(SILENT)]
        for client in silent:
            self.addCleanup(client.close)
            client.do(f"set idle_timeout {IDLE_TIMEOUT_MS}")
        swarm = Swarm(node.line_port)
        self.addCleanup(swarm.close)
        swarm.start()
        self.addCleanup(swarm.join, PATIENCE)
        self.addCleanup(swarm.enough.set)
        self.assertTrue(swarm.warm.wait(PATIENCE))

        searches, updates = self.use_http(node, 200)
        self.assertEqual((searches, updates), (200, 20))
        for i in range(3):
            self.assertEqual([f["id"] for f in self.ctl_search(node, 2001 + i)], [1 + i])
        during = resident_bytes(node)
        swarm.enough.set()
        swarm.join(PATIENCE)

        self.assertEqual(swarm.wrong, [])
        self.assertLess(during, before + MAX_GROWTH)
        # They were at it all the time.
        self.assertGreater(swarm.answered["busy"], BUSY)
        self.assertGreaterEqual(swarm.answered["slow"], 1)
        lines_in_vain = swarm.deaf_bytes // (len(QUERY) + 1)
        self.assertGreater(lines_in_vain * len(FOUND), 2 * MAX_GROWTH)

        for client in silent:
            self.assertEqual(client.rest(), b"ERR timeout\r\n")
        self.assertEqual(node.stop(), 0)

    def use_http(self, node, count):
        """How many searches and updates were answered in full; each has time enough, and no second chance."""
        searches = updates = 0
        with requests.Session() as session:
            for i in range(count):
                found = session.post(node.url("/main/_search"), json={"query": [1000, 1001, 2000 + i + 1]}, timeout=20)
                best = {"id": i + 1, "score": 3}
                searches += found.status_code == 200 and found.json()["results"][0] == best
                if i % 10 == 0:
                    hashes = {"hashes": [100_000 + i]}
                    put = session.put(node.url(f"/main/{10_000 + i}"), json=hashes, timeout=20)
                    got = session.post(node.url("/main/_search"), json={"query": hashes["hashes"]}, timeout=20)
                    updates += put.status_code == 200 and got.json()["results"] == [{"id": 10_000 + i, "score": 1}]
        return searches, updates

    def ctl_search(self, node, query):
        return node.json("search", "main", query)["results"]
