"""Replicas of a slice that are behind, and documents and searches of slices that nobody answers for."""

import unittest

from cut_links import OPEN, SILENT, Links
from slices_checker import slice_of
from slices_support import SlicesTest
from support import PATIENCE, free_ports


class LateSlices(SlicesTest):
    def setUp(self):
        super().setUp()
        self.assertEqual(self.http.put(self.whole.url("/main"), timeout=PATIENCE).status_code, 200)
        self.at = self.update(self.whole, [{"insert": {"id": d, "hashes": [1, 2, 3]}} for d in range(1, 31)])
        self.first, self.second = ([d for d in range(1, 31) if slice_of(d, 2) == number] for number in (1, 2))

    def look(self, node, document, at=0):
        answer = self.http.get(node.url(f"/main/{document}?min_version={at}"), timeout=PATIENCE)
        return answer.status_code, answer.json().get("error")

    def start_with_a_replica_behind(self, *flags):
        """A member with the first slice, and two with the second one, of which one does not hear of changes."""
        self.ports = free_ports(3)
        links = Links()
        self.addCleanup(links.close)
        late = links.make("late", self.whole.http_port)
        members = [self.start_member(i, part, flags=more) for i, (part, more) in enumerate(
            (("1/2", flags), ("2/2", flags), ("2/2", [*flags, "--coordinator-url", f"http://127.0.0.1:{late}"])))]
        for node in members:
            self.wait_until_whole(node)
            self.wait_for_status(node, lambda s: all(m["version"] == self.at for m in s["members"]))
        links.set(["late"], SILENT)
        self.addCleanup(links.set, ["late"], OPEN)
        return members

    def test_a_search_does_not_wait_for_a_replica_that_is_behind(self):
        node, *_ = self.start_with_a_replica_behind()
        for document in range(101, 104):
            at = self.update(self.whole, [{"insert": {"id": document, "hashes": [7]}}])
            found = self.search(node, [7], at)
            self.assertEqual(found.status_code, 200, found.text)
            self.assertEqual([r["id"] for r in found.json()["results"]], list(range(101, document + 1)))

    def test_a_document_of_a_version_that_does_not_come(self):
        node, holder, _ = self.start_with_a_replica_behind("--replication-timeout-ms", "1500", "--max-ready-wait-ms", "1500")
        for one, document in ((node, self.first[0]), (holder, self.second[0]), (node, self.second[0])):
            self.assertEqual(self.look(one, document, self.at + 1), (503, "ReplicationTimeout"))

    def test_what_a_slice_holds_that_nobody_answers_for(self):
        members = self.start_members("1/2", "2/2", create=False)
        self.assertEqual(self.look(members[0], self.second[0], self.at), (200, None))
        members[1].kill()
        # At once, and when it has been noticed.
        for _ in range(2):
            self.assertEqual(self.look(members[0], self.second[0]), (503, "SliceUnavailable"))
            self.assertEqual(self.look(members[0], self.first[0]), (200, None))
            answer = self.search(members[0], [1], 0)
            self.assertEqual((answer.status_code, answer.json()["error"]), (503, "SliceUnavailable"))
            self.assertIn("2/2", answer.json().get("reason", ""))
            self.wait_for_status(members[0], lambda s: s["fault"])


if __name__ == "__main__":
    unittest.main()
