"""Three nodes on one changelog in PostgreSQL lose nothing while nodes and PostgreSQL are killed and frozen under load."""

import functools
import subprocess
import time
import unittest

import fault_schedule
import postgres_server
from fault_schedule import Fault, Member
from replication_load import summary
from support import BUILD, PATIENCE, NodeTest


@unittest.skipUnless(postgres_server.programs(), "PostgreSQL is missing: apt-get install postgresql")
class ReplicationFaults(NodeTest):
    def setUp(self):
        super().setUp()
        # PostgreSQL's user reaches its folder by it.
        self.folder.chmod(0o711)
        self.database = postgres_server.PostgresServer(self.folder / "postgres")
        self.addCleanup(self.database.close)
        subprocess.run([BUILD / "fpctl", "changelog", "init", "--changelog", self.database.url], check=True,
                       capture_output=True, timeout=PATIENCE)
        flags = [*fault_schedule.FLAGS, "--changelog", self.database.url, "--changelog-timeout-ms", "500",
                 "--replication-timeout-ms", "1000"]
        self.members = [Member(name, self.folder / name, *flags) for name in "abc"]
        for m in self.members:
            self.addCleanup(m.kill)
            m.start()
        fault_schedule.make_index(self.members)

    def faults(self, history, draw):
        def at_a_node(make):
            member = draw.choice(self.members)
            return make(member, [m for m in self.members if m is not member], history, draw)

        def at_the_database(kind, begin, end):
            length = fault_schedule.while_searches_go_on(self.members, history, draw)
            return Fault(kind, "primary", begin, end, length)

        database = self.database
        kinds = [functools.partial(at_a_node, fault_schedule.node_killed),
                 functools.partial(at_a_node, fault_schedule.node_frozen),
                 functools.partial(at_the_database, "kill", database.kill, database.start),
                 functools.partial(at_the_database, "freeze", database.freeze, database.thaw)]
        # Each as often as the others.
        count = fault_schedule.number_of_faults(8)
        chosen = [k for _ in range(-(-count // len(kinds))) for k in draw.sample(kinds, len(kinds))]
        return chosen[:count]

    def test_nothing_acknowledged_is_lost_or_applied_twice(self):
        began = time.monotonic()
        draw, load = fault_schedule.start_load(self, self.members, patience=1.5)
        fault_schedule.run(self.faults(load.history, draw), load.history, draw)
        load.stop()
        found = fault_schedule.compare(self.members, load.history, self.database.sql)
        print(f"{time.monotonic() - began:.1f} s; {summary(load.history)}", flush=True)
        self.assertEqual(found, [])


if __name__ == "__main__":
    unittest.main()
