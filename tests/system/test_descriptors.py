"""A node with many indexes needs no more descriptors than it is given: logs that are written to take turns."""

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
