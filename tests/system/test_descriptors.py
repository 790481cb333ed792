"""A node with many indexes needs no more descriptors than it is given: logs that are written to take turns."""

import socket
import unittest

import requests

from support import PATIENCE, Node, NodeTest

DESCRIPTORS = 128
INDEXES = 200


def name(i):
    return f"index{i}"


def hashes(i, version):
    return [1000 * i + 10 * version + n for n in range(10)]


class Descriptors(NodeTest):
    def start_bounded(self):
        # Everything is checkpointed while it is written to, many indexes at one time.
        node = Node(self.folder / "data", "--checkpoint-age-ms", "100", descriptors=DESCRIPTORS)
        self.addCleanup(node.kill)
        node.port
        return node

    def session(self):
        client = requests.Session()
        self.addCleanup(client.close)
        return client

    def write(self, node, client, i, version):
        answer = client.put(node.url(f"/{name(i)}/1"), json={"hashes": hashes(i, version)}, timeout=PATIENCE)
        self.assertEqual(answer.status_code, 200, answer.text)

    def check(self, node, client, i, version):
        answer = client.post(node.url(f"/{name(i)}/_search"), json={"query": hashes(i, version)}, timeout=PATIENCE)
        self.assertEqual(answer.json(), {"results": [{"id": 1, "score": 10}]})

    def test_connections_of_remote_actors_leave_some_to_others(self):
        node = self.start_bounded()
        client = self.session()
        self.assertEqual(client.put(node.url("/main"), timeout=PATIENCE).status_code, 200)
        open_connections = []
        for _ in range(2 * DESCRIPTORS):
            connection = socket.create_connection(("127.0.0.1", node.port), PATIENCE)
            self.addCleanup(connection.close)
            open_connections.append(connection)
        # Who gets no place is told so, rather than left waiting while the node tries again and again.
        served = 0
        for connection in open_connections:
            try:
                served += len(connection.recv(1)) > 0
            except ConnectionResetError:
                pass
        self.assertGreater(served, 10)
        self.assertLess(served, DESCRIPTORS)
        node.wait_for("warn(ing)? out of file descriptors, of which the process may have 128: "
                      "connections of remote actors are closed")
        fresh = self.session()
        self.assertEqual(fresh.put(node.url("/main/1"), json={"hashes": [1]}, timeout=PATIENCE).status_code, 200)
        for connection in open_connections:
            connection.close()
        node.json("status")
        self.assertEqual(node.stop(), 0, node.log())
        self.assertEqual(node.log().count("out of file descriptors"), 1)

    def test_a_shortage_that_http_makes_is_logged_once(self):
        node = Node(self.folder / "data", "--http-max-connections", 1000, descriptors=DESCRIPTORS)
        self.addCleanup(node.kill)
        node.port
        waiting = []
        for _ in range(DESCRIPTORS):
            connection = node.connect()
            self.addCleanup(connection.close)
            waiting.append(connection)
        node.wait_for("warn(ing)? out of file descriptors, of which the process may have 128: new connections wait")
        # Nobody gets a place on the port for remote actors either, and its acceptor does not wait for one. What the node
        # itself had open for a moment may be free again: who comes first gets that, and keeps it.
        for _ in range(DESCRIPTORS):
            connection = socket.create_connection(("127.0.0.1", node.port), PATIENCE)
            self.addCleanup(connection.close)
            try:
                greeting = connection.recv(1)
            except ConnectionResetError:
                greeting = b""
            if not greeting:
                break
        self.assertEqual(greeting, b"")
        for connection in waiting[:-5]:
            connection.close()
        # The last ones waited, and are served now.
        waiting[-1].sendall(b"GET /_health HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertTrue(waiting[-1].recv(100).startswith(b"HTTP/1.1 200"))
        self.assertEqual(node.stop(), 0, node.log())
        self.assertEqual(node.log().count("out of file descriptors"), 1)

    def test_more_indexes_than_descriptors_are_written_checkpointed_and_loaded(self):
        node = self.start_bounded()
        client = self.session()
        for i in range(INDEXES):
            self.assertEqual(client.put(node.url("/" + name(i)), timeout=PATIENCE).status_code, 200)
        for version in range(2):
            for i in range(INDEXES):
                self.write(node, client, i, version)
        logs = [file for file in node.open_files() if file.endswith(".log")]
        self.assertLessEqual(len(logs), DESCRIPTORS // 4)
        self.assertGreater(len(logs), 0)
        self.assertEqual(node.stop(), 0, node.log())
        self.assertNotIn("Too many open files", node.log())

        node = self.start_bounded()
        for i in range(INDEXES):
            node.wait_for(f"{name(i)}: ready at version 2:")
        client = self.session()
        for i in range(INDEXES):
            self.check(node, client, i, 1)
            self.write(node, client, i, 2)
            self.check(node, client, i, 2)
        self.assertEqual(node.stop(), 0, node.log())
        self.assertNotIn("Too many open files", node.log())


if __name__ == "__main__":
    unittest.main()
