"""Slices that do not fit together, members that cannot be asked, indexes of other kinds beside one in slices, and the
documents at the edges of slices."""

import re
import unittest

import requests

from cut_links import Links
from slices_checker import bounds_of, document_at, slice_of
from slices_support import SlicesTest
from support import PATIENCE, Node, free_ports


class Setups(SlicesTest):
    def make_index(self, documents=range(1, 61)):
        """Each document has a hash of its own, and one that all have."""
        self.assertEqual(self.http.put(self.whole.url("/main"), timeout=PATIENCE).status_code, 200)
        return self.update(self.whole, [{"insert": {"id": d, "hashes": [1, 100 + d % 1000]}} for d in documents])

    def start_each(self, *slices):
        """Members as they are, whatever becomes of that."""
        self.ports = free_ports(len(slices))
        return [self.start_member(i, part) for i, part in enumerate(slices)]

    def expect_fault(self, node, fault):
        self.wait_for_status(node, lambda s: fault in (s["fault"] or ""))
        answer = self.search(node, [1], 0)
        self.assertEqual((answer.status_code, answer.json()["error"]), (503, "SliceUnavailable"))
        self.assertIn(fault, node.ctl("search", "main", "1", check=1).stderr)
        self.assertIn(fault, node.ctl("cluster", "status", "main", check=1).stdout)

    def expect_all(self, nodes, at):
        for node in nodes:
            self.wait_until_whole(node)
            for options in ({"limit": 100}, {"limit": 7}):
                expected = self.search(self.whole, [1, 117, 123], at, **options).json()
                self.assertEqual(self.search(node, [1, 117, 123], at, **options).json(), expected)

    def look(self, node, document, at=0):
        return self.http.get(node.url(f"/main/{document}?min_version={at}"), timeout=PATIENCE).status_code

    def test_slices_that_overlap(self):
        at = self.make_index()
        self.ports = free_ports(3)
        nodes = [self.start_member(i, part) for i, part in enumerate(("1/2", "2/3"))]
        for node in nodes:
            self.expect_fault(node, "1/2 and 2/3 overlap")
        # With one that fits, what does not is no harm.
        nodes.append(self.start_member(2, "2/2"))
        self.expect_all(nodes, at)

    def test_a_slice_that_nobody_has(self):
        at = self.make_index()
        nodes = self.start_each("1/3", "3/3")
        for node in nodes:
            self.expect_fault(node, "no slice holds the mixed ids {} to {}".format(*bounds_of(2, 3)))
            for document in (1, 2, 3, 4, 5, 6):
                self.assertEqual(self.look(node, document, at), 503 if slice_of(document, 3) == 2 else 200)

    def test_a_node_that_holds_all_beside_slices(self):
        at = self.make_index()
        nodes = self.start_each("1/2", "2/2", "1/1")
        self.expect_all(nodes, at)
        nodes[0].kill()
        nodes[1].kill()
        for killed in range(2):
            self.wait_for_status(nodes[2], lambda s, k=killed: s["members"][1 + k]["failure"])
        self.assertEqual(self.search(nodes[2], [1], at).json(), self.search(self.whole, [1], at).json())

    def test_a_member_of_another_protocol(self):
        at = self.make_index()
        links = Links()
        self.addCleanup(links.close)
        self.ports = free_ports(2)
        # As many bytes as before.
        link = links.make("other", self.ports[1],
                          lambda data: re.sub(rb"(fpnode-protocol-)\d\d", rb"\g<1>99", data))
        first = self.start_member(0, "1/2", [f"127.0.0.1:{link}"])
        second = self.start_member(1, "2/2")
        self.expect_all([second], at)
        status = self.wait_for_status(first, lambda s: "protocol" in s["members"][1]["failure"])
        self.assertIn(f"127.0.0.1:{link}", status["members"][1]["failure"])
        self.expect_fault(first, "no slice holds the mixed ids {} to {}".format(*bounds_of(2, 2)))

    def test_an_index_of_a_nodes_own_beside_one_in_slices(self):
        # It was there before the node followed a changelog.
        alone = Node(self.folder / "m0")
        self.addCleanup(alone.kill)
        requests.put(alone.url("/own"), timeout=PATIENCE)
        body = {"changes": [{"insert": {"id": d, "hashes": [1, 100 + d]}} for d in range(1, 31)]}
        self.assertEqual(requests.post(alone.url("/own/_update"), json=body, timeout=PATIENCE).status_code, 200)
        self.assertEqual(alone.stop(), 0)
        at = self.make_index()
        nodes = self.start_each("1/2", "2/2")
        self.expect_all(nodes, at)
        search = {"query": [1], "limit": 100, "timeout": 10000}
        found = self.http.post(nodes[0].url("/own/_search"), json=search, timeout=PATIENCE)
        self.assertEqual([r["id"] for r in found.json()["results"]], list(range(1, 31)))
        for document in range(1, 31):
            self.assertEqual(self.http.get(nodes[0].url(f"/own/{document}"), timeout=PATIENCE).status_code, 200)
        answer = self.http.post(nodes[1].url("/own/_search"), json=search, timeout=PATIENCE)
        self.assertEqual((answer.status_code, answer.json()["error"]), (404, "IndexNotFound"))
        refused = self.http.put(nodes[0].url("/own/7"), json={"hashes": [5]}, timeout=PATIENCE)
        self.assertEqual(refused.status_code, 503, refused.text)
        self.assertIn("index own is not in slices", nodes[0].ctl("cluster", "status", "own", check=1).stderr)

    def test_documents_at_the_edges(self):
        edges = [mixed for number in (1, 2, 3) for mixed in bounds_of(number, 3)]
        # What lies at 0 is document 0, which there is not.
        edges = [document_at(mixed or 1) for mixed in edges]
        self.assertEqual([slice_of(d, 3) for d in edges], [1, 1, 2, 2, 3, 3])
        at = self.make_index([*range(1, 20), *edges])
        nodes = self.start_each("1/3", "2/3", "3/3")
        self.expect_all(nodes, at)
        for document in edges:
            for node in nodes:
                self.assertEqual(self.look(node, document, at), 200)
                found = self.search(node, [100 + document % 1000], at).json()["results"]
                self.assertIn(document, [r["id"] for r in found])
        # Each by the member that holds it, and by one that does not.
        for document, number in zip(edges, (0, 2, 1, 2, 0, 2)):
            answer = self.http.delete(nodes[number].url(f"/main/{document}"), timeout=PATIENCE)
            self.assertEqual(answer.status_code, 200, answer.text)
            at = self.update(nodes[number], [{"insert": {"id": 20, "hashes": [2]}}])
            for node in (*nodes, self.whole):
                self.assertEqual(self.look(node, document, at), 404)
                found = self.search(node, [1], at, limit=100).json()["results"]
                self.assertNotIn(document, [r["id"] for r in found])
        self.expect_all(nodes, at)
        counts = [self.wait_for_status(node, lambda s: all(m["version"] == at for m in s["members"])) for node in nodes]
        for status in counts:
            self.assertEqual(sum(m["documents"] for m in status["members"]), 20)


if __name__ == "__main__":
    unittest.main()
