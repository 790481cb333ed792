"""Indexes that are created in slices: who holds what of them, what is said again, and what cannot be."""

import json
import time
import unittest

from slices_support import SlicesTest
from support import PATIENCE, free_ports

HASHES = list(range(0, 200, 10))


class SliceCreation(SlicesTest):
    def start_members(self, count=4, slices=()):
        """Members whose setting is to hold all, or what `slices` says, and no index yet."""
        self.ports = free_ports(count)
        slices = [*slices, *["1/1"] * (count - len(slices))]
        self.members = [self.start_member(i, part) for i, part in enumerate(slices)]
        self.wait_until_caught_up(*self.members)
        return self.members

    @staticmethod
    def wait_until_caught_up(*nodes):
        """Only then does a node know that an index is new."""
        for node in nodes:
            node.wait_for("whose indexes are known up to position")

    def create(self, slices, *flags, at=0, index="main", check=0):
        return self.members[at].ctl("index", "create", index, "--slices", slices, *flags, check=check)

    def created(self, slices, at=0, check=0):
        return json.loads(self.create(slices, "--json", at=at, check=check).stdout)

    @staticmethod
    def lines(text):
        return text.strip().split("\n")

    def wait_until_held(self, node, *slices):
        wanted = {f"m{i}": part for i, part in enumerate(slices)}
        self.wait_for_status(node, lambda s: {m["node"]: m["slice"] for m in s["members"]} == wanted)

    def fill(self, node, documents=range(1, 61)):
        made = {d: [self.draw.randrange(200) for _ in range(40)] for d in documents}
        return self.update(node, [{"insert": {"id": d, "hashes": h}} for d, h in made.items()])

    def assert_found_everywhere(self, at):
        """At every member that runs, as at the node that holds all."""
        end = time.monotonic() + PATIENCE
        while self.http.get(self.whole.url("/main"), timeout=PATIENCE).status_code != 200:
            self.assertLess(time.monotonic(), end)
        for node in self.members:
            if node.process.poll() is not None:
                continue
            for _ in range(5):
                query = [self.draw.randrange(200) for _ in range(30)]
                self.assert_answers_as_whole(node, query, at, limit=100)

    def documents(self, node):
        status = self.wait_until_whole(node)
        return {m["node"]: m["documents"] for m in status["members"]}

    def assert_no_index(self, index="main"):
        for node in self.members:
            end = time.monotonic() + PATIENCE
            while self.http.get(node.url(f"/{index}"), timeout=PATIENCE).status_code != 404:
                self.assertLess(time.monotonic(), end)

    def test_as_many_slices_as_members(self):
        self.start_members()
        made = self.create(4)
        self.assertEqual(self.lines(made.stdout), ["index main created, generation 1",
                                                   *(f"{self.address(i)} holds slice {i + 1}/4" for i in range(4))])
        for node in self.members:
            self.wait_until_held(node, "1/4", "2/4", "3/4", "4/4")
        at = self.fill(self.members[2])
        self.assert_found_everywhere(at)
        self.wait_for_status(self.members[1], lambda s: all(m["version"] == at for m in s["members"]))
        documents = self.documents(self.members[1])
        self.assertEqual(sum(documents.values()), 60)
        self.assertLess(max(documents.values()), 30)
        # After a restart, too, whatever the setting says, and of a second index.
        self.members[3].stop()
        self.members[3] = self.start_member(3, "1/1")
        self.wait_until_held(self.members[3], "1/4", "2/4", "3/4", "4/4")
        self.assert_found_everywhere(at)
        self.create(3, index="other", at=1)
        held = {m["node"]: m["slice"] for m in self.cluster(self.members[1], "other")["members"]}
        self.assertEqual(held["m1"], "1/3")

    def test_replicas_and_the_same_again(self):
        self.start_members()
        made = self.created(2)
        parts = ["1/2", "2/2", "1/2", "2/2"]
        expected = {"name": "main", "generation": 1, "version": 0, "ready": True, "created": True, "slices": 2,
                    "members": [{"member": self.address(i), "slice": part, "changed": True}
                                for i, part in enumerate(parts)], "left_out": []}
        self.assertEqual(made, expected)
        at = self.fill(self.members[1])
        again = self.created(2)
        for member in expected["members"]:
            member["changed"] = False
        self.assertIn(again.pop("version"), (0, at))  # of this node, to which it may still come
        self.assertEqual({**again, "version": 0}, {**expected, "created": False})
        # From another member's side the others are in another order, and hold what they held.
        self.assertEqual(self.created(2, at=3)["members"][0],
                         {"member": self.address(3), "slice": "2/2", "changed": False})
        self.assertIn("index main has generation 1; it must not exist", self.create(2, "--new", check=1).stderr)
        self.members[0].kill()
        self.members[1].kill()
        for node in self.members[2:]:
            self.wait_for_status(node, lambda s: sum(bool(m["failure"]) for m in s["members"]) == 2)
        self.assert_found_everywhere(at)

    def test_one_slice(self):
        self.start_members(2, ["1/2", "2/2"])
        self.assertEqual([m["slice"] for m in self.created(1)["members"]], ["1/1", "1/1"])
        at = self.fill(self.members[0])
        self.members[0].kill()
        self.wait_for_status(self.members[1], lambda s: s["members"][1]["failure"] and not s["fault"])
        self.assert_found_everywhere(at)

    def test_what_is_configured_is_kept(self):
        self.start_members(4, ["1/1", "1/3", "3/3", "2/5"])
        held = {m["member"]: m["slice"] for m in self.created(3)["members"]}
        self.assertEqual([held[self.address(i)] for i in range(4)], ["2/3", "1/3", "3/3", "1/3"])

    def test_what_broke_off_is_gone_on_with(self):
        self.start_members()
        self.members[0].ctl("index", "create", "main")
        self.members[2].ctl("index", "create", "main")
        self.members[2].ctl("resync", "main", "--slice", "1/4")
        self.members[2].ctl("watch", "main")
        at = self.fill(self.members[0])
        made = self.created(4)
        self.assertFalse(made["created"])
        self.assertEqual([(m["slice"], m["changed"]) for m in made["members"]],
                         [("2/4", True), ("3/4", True), ("1/4", False), ("4/4", True)])
        for node in self.members:
            self.wait_until_held(node, "2/4", "3/4", "1/4", "4/4")
        self.assert_found_everywhere(at)

    def test_a_member_that_is_away_takes_its_slice_later(self):
        self.start_members()
        self.members[3].kill()
        made = self.create(3, check=5)
        self.assertIn(f"fpctl: {self.address(3)} is left out: ", made.stderr)
        self.assertEqual(len(self.lines(made.stdout)), 4)
        at = self.fill(self.members[0])
        left_out = self.created(3, check=5)["left_out"]
        self.assertEqual([m["member"] for m in left_out], [self.address(3)])
        self.members[3] = self.start_member(3, "1/1")
        again = self.create(3)
        self.assertIn(f"{self.address(3)} takes slice 1/3 of main", again.stderr)
        self.assertIn(f"{self.address(3)} holds slice 1/3\n", again.stdout)
        self.wait_until_held(self.members[3], "1/3", "2/3", "3/3", "1/3")
        self.assert_found_everywhere(at)

    def test_draining_members_take_what_nobody_else_can(self):
        self.start_members(3)
        self.members[1].ctl("cluster", "drain", self.address(1), "--force")
        held = {m["member"]: m["slice"] for m in self.created(2)["members"]}
        self.assertEqual([held[self.address(i)] for i in range(3)], ["1/2", "1/1", "2/2"])
        held = {m["member"]: m["slice"] for m in self.created(3)["members"]}
        self.assertEqual([held[self.address(i)] for i in range(3)], ["1/3", "3/3", "2/3"])

    def test_too_few_members(self):
        self.start_members()
        few = self.create(5, check=1)
        self.assertIn("index main: 5 slices need a member each, and 4 can be asked", few.stderr)
        self.assert_no_index()
        self.members[2].kill()
        few = self.create(4, check=1)
        self.assertIn("4 slices need a member each, and 3 can be asked", few.stderr)
        self.assertIn(f"; {self.address(2)}: ", few.stderr)
        self.assertEqual(json.loads(self.create(4, "--json", check=1).stdout)["error"]["code"], "bad_request")
        self.members.pop(2)
        self.assert_no_index()
        # One that was there stays.
        self.members[0].ctl("index", "create", "main")
        self.create(4, check=1)
        self.assertIn("main", self.members[0].ctl("index", "list").stdout)

    def test_an_index_that_has_been_written_to(self):
        self.start_members(2)
        self.members[0].ctl("index", "create", "main")
        at = self.fill(self.members[0])
        refused = self.create(2, check=1)
        self.assertIn("index main: it has been written to, in slice 1/1; `fpctl cluster split` and `move` rearrange it",
                      refused.stderr)
        for node in self.members:
            self.wait_until_held(node, "1/1", "1/1")
        self.members[0].ctl("cluster", "split", "main", "1/1")
        self.assertFalse(any(m["changed"] for m in self.created(2)["members"]))
        self.assert_found_everywhere(at)

    def test_nodes_that_have_no_slices(self):
        alone = self.start(data="alone")
        refused = alone.ctl("index", "create", "main", "--slices", 2, check=1)
        self.assertIn(f"127.0.0.1:{alone.port} follows no changelog", refused.stderr)
        self.assertEqual(alone.json("index", "list"), [])
        # It follows one, and has no members.
        follower = self.start("--coordinator-url", self.whole.url(), *self.flags, data="follower")
        self.wait_until_caught_up(follower)
        refused = follower.ctl("index", "create", "main", "--slices", 2, check=1)
        self.assertIn("has no members to hold slices: its setting `members` names none", refused.stderr)
        self.assertEqual(follower.json("index", "list"), [])
        # A member that follows none makes no index of its own.
        self.ports = [*free_ports(1), alone.port]
        self.members = [self.start_member(0, "1/1")]
        self.wait_until_caught_up(*self.members)
        refused = self.create(2, check=1)
        self.assertIn(f"2 slices need a member each, and 1 can be asked; {self.address(1)}: it follows no changelog",
                      refused.stderr)
        self.assertEqual(alone.json("index", "list"), [])
        self.assert_no_index()

    def test_numbers_that_are_none(self):
        self.start_members(1)
        for slices in ("0", "4097", "1/2", "-1"):
            self.assertIn("--slices", self.create(slices, check=2).stderr)
        self.assert_no_index()


if __name__ == "__main__":
    unittest.main()
