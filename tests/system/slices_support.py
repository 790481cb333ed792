"""Nodes that hold a slice of an index each, beside one that holds all of it."""

import json
import random
import time

import requests

from support import PATIENCE, NodeTest, free_ports, run_ctl


def cluster_status(node, index):
    """As a node sees an index in slices. Where it can tell nothing, the fault says why, and there are no members."""
    shown = run_ctl(node.port, "cluster", "status", index, "--json")
    status = json.loads(shown.stdout) if shown.stdout else {}
    return status if "members" in status else {"fault": shown.stderr, "members": []}


def is_whole(status):
    return status["members"] and not status["fault"] and not any(m["failure"] for m in status["members"])


class SlicesTest(NodeTest):
    flags = ["--changelog-poll-ms", "20"]

    def setUp(self):
        super().setUp()
        self.http = requests.Session()
        self.addCleanup(self.http.close)
        # Orders the changes, and holds all of the index: what it finds is what each member has to find.
        self.whole = self.start("--coordinator", *self.flags, data="whole")
        self.draw = random.Random(7)

    def start_members(self, *slices, create=True):
        self.ports = free_ports(len(slices))
        if create:
            answer = self.http.put(self.whole.url("/main"), timeout=PATIENCE)
            self.assertEqual(answer.status_code, 200, answer.text)
        self.members = [self.start_member(i, part) for i, part in enumerate(slices)]
        for node in self.members:
            self.wait_until_whole(node)
        return self.members

    def start_member(self, number, part, members=(), flags=()):
        others = [self.address(i) for i in range(len(self.ports)) if i != number]
        return self.start("--coordinator-url", self.whole.url(), *self.flags, "--slice", part, "--members",
                          ",".join(members or others), "--node-name", f"m{number}", "--caf-port", str(self.ports[number]),
                          *flags, data=f"m{number}")

    def address(self, number):
        return f"127.0.0.1:{self.ports[number]}"

    def cluster(self, node, index="main"):
        return cluster_status(node, index)

    def wait_for_status(self, node, holds):
        """Until the node tells of members, and what it tells is as wanted."""
        end = time.monotonic() + PATIENCE
        while not ((status := self.cluster(node))["members"] and holds(status)):
            self.assertLess(time.monotonic(), end, status)
        return status

    def wait_until_whole(self, node):
        return self.wait_for_status(node, is_whole)

    def update(self, node, changes):
        answer = self.http.post(node.url("/main/_update"), json={"changes": changes}, timeout=PATIENCE)
        self.assertEqual(answer.status_code, 200, answer.text)
        return answer.json()["version"]

    def search(self, node, query, at, session=None, **options):
        return (session or self.http).post(node.url(f"/main/_search?min_version={at}"),
                                           json={"query": query, "timeout": 10000, **options}, timeout=PATIENCE)

    def assert_answers_as_whole(self, node, query, at, **options):
        expected, found = (self.search(n, query, at, **options) for n in (self.whole, node))
        self.assertEqual((found.status_code, found.json()), (200, expected.json()))
