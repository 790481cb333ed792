"""Three nodes on one changelog in PostgreSQL with failover by Patroni on etcd lose nothing, whatever is killed, frozen
or cut off. Only on demand: FPNODE_FULL_SIZE=1, as root."""

import collections
import functools
import os
import pathlib
import subprocess
import sys
import time
import unittest

import requests

import fault_schedule
import network
import patroni_cluster
import postgres_server
from fault_schedule import Fault
from replication_load import INDEX, summary
from support import BUILD, PATIENCE, NodeTest

FULL_SIZE = os.environ.get("FPNODE_FULL_SIZE") == "1"
KEPT = os.environ.get("FPNODE_FAULT_LOGS")
INSIDE = "FPNODE_INSIDE_NAMESPACES"
# A shell is the first process inside: it waits for those whose parents have ended. All others end with it.
ENTER = ["setpriv", "--pdeathsig=KILL", "unshare", "--net", "--mount", "--ipc", "--pid", "--fork", "--kill-child",
         "--mount-proc", "sh", "-c", '"$@"; exit $?', "sh"]


class Node(fault_schedule.Member):
    """A node on a machine of its own, with a disk of its own."""

    def __init__(self, machine, disk, *flags):
        super().__init__(machine.name, disk / "data", *flags, "--host", machine.address, host=machine.address,
                         within=machine.within)
        self.machine = machine
        self._ballast = disk / "ballast"

    def fill_disk(self):
        with open(self._ballast, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(65536))
            except OSError:
                pass

    def empty_disk(self):
        self._ballast.unlink()


@unittest.skipUnless(FULL_SIZE, "only on demand: FPNODE_FULL_SIZE=1")
class PatroniFaults(NodeTest):
    def setUp(self):
        super().setUp()
        # PostgreSQL's user reaches its folders by it.
        self.folder.chmod(0o711)

    def test_nothing_acknowledged_is_lost_or_applied_twice(self):
        if os.environ.get(INSIDE):
            self.run_inside()
            return
        if os.getuid() != 0:
            self.skipTest("only root makes namespaces")
        if patroni_cluster.MISSING or not postgres_server.programs():
            self.skipTest(f"packages are missing (app/packages.sh, failover_packages): {patroni_cluster.MISSING}")
        if subprocess.run([*ENTER, "true"], capture_output=True).returncode != 0:
            self.skipTest("no namespaces may be made")
        environment = {**os.environ, INSIDE: "1", "TMPDIR": str(self.folder)}
        # What was killed has pipes that nobody closes.
        words = [sys.executable, "-W", "ignore::ResourceWarning", "-m", "unittest", self.id()]
        done = subprocess.run([*ENTER, *words], env=environment)
        self.assertEqual(done.returncode, 0)

    def mount(self, folder, *options):
        folder.mkdir(exist_ok=True)
        network.run("mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", folder)
        self.addCleanup(network.run, "umount", "--lazy", folder)

    def run_inside(self):
        self.mount(self.folder, "mode=711")
        network.make_bridge()
        self.cluster = patroni_cluster.PatroniCluster([network.Machine(f"d{i}") for i in (1, 2, 3)], self.folder)
        self.addCleanup(self.cluster.close)
        self.cluster.start()
        subprocess.run([BUILD / "fpctl", "changelog", "init", "--changelog", self.cluster.url], check=True,
                       timeout=PATIENCE)
        self.nodes = []
        for name in "abc":
            disk = self.folder / name
            self.mount(disk, "size=32m")
            node = Node(network.Machine(name), disk, *fault_schedule.FLAGS, "--changelog", self.cluster.url,
                        "--changelog-timeout-ms", "2000", "--replication-timeout-ms", "5000")
            self.addCleanup(node.kill)
            node.start()
            self.nodes.append(node)
        fault_schedule.make_index(self.nodes)
        began = time.monotonic()
        draw, load = fault_schedule.start_load(self, self.nodes, patience=6)
        self.kinds = collections.Counter()
        self.astray = {}  # why, by the label of a node
        try:
            fault_schedule.run([functools.partial(self.draw_fault, load.history, draw)
                                for _ in range(fault_schedule.number_of_faults(50))], load.history, draw,
                               self.look_for_parked)
            load.stop()
            self.look_for_parked()
            found = fault_schedule.compare(self.nodes, load.history, self.cluster.sql, self.astray)
        finally:
            self.keep_logs(load.history)
        print(f"{time.monotonic() - began:.0f} s; {dict(self.kinds)}; {summary(load.history)}; "
              f"parked: {self.astray}", flush=True)
        self.assertEqual(found, [])

    def look_for_parked(self):
        """What a node has read may be what a failover then loses: it says so, and follows no more. What an operator
        does then is done here."""
        for n in self.nodes:
            status = requests.get(n.url(f"/{INDEX}/_status"), timeout=PATIENCE).json()
            if status.get("replica", {}).get("state") == "parked" and status["replica"]["reason"]:
                print(f"node {n.name} is parked: {status['replica']['reason']}", flush=True)
                self.astray[n.place()[0]] = status["replica"]["reason"]
                n.forget()

    def keep_logs(self, history):
        """Where FPNODE_FAULT_LOGS says."""
        if not KEPT:
            return
        folder = pathlib.Path(KEPT)
        folder.mkdir(parents=True, exist_ok=True)
        for member in [*self.cluster.members, *self.nodes]:
            for name, daemons in member.daemons().items():
                text = "\n".join(line for d in daemons for line in d.lines)
                (folder / f"{name}-{member.name}.log").write_text(text)
        lines = [f"{x.begin:.3f} {x}" for x in sorted([*history.writes, *history.searches], key=lambda x: x.begin)]
        (folder / "history.txt").write_text("\n".join(lines))

    # -- Faults

    def draw_fault(self, history, draw):
        node = draw.choice(self.nodes)
        others = [n for n in self.nodes if n is not node]
        kind = draw.random()
        if kind < 0.35:
            fault = self.draw_node_fault(node, others, history, draw)
        elif kind < 0.85:
            fault = self.draw_database_fault(self.nodes, history, draw)
        else:
            outer = draw.choice([fault_schedule.node_killed, fault_schedule.node_frozen, self.disk_full])(
                node, others, history, draw)
            self.kinds[outer.kind] += 1
            inner = self.draw_database_fault(others, history, draw)
            self.kinds[inner.kind] += 1
            return inner.during(outer)
        self.kinds[fault.kind] += 1
        return fault

    def draw_node_fault(self, node, others, history, draw):
        return draw.choice([fault_schedule.node_killed, fault_schedule.node_frozen, self.disk_full, self.node_cut_off])(
            node, others, history, draw)

    def disk_full(self, node, others, history, draw):
        return Fault("fill disk of node", node.name, node.fill_disk, node.empty_disk,
                     fault_schedule.while_another_writes(others, history, draw))

    def node_cut_off(self, node, others, history, draw):
        """From PostgreSQL; it answers searches."""
        machines = [d.machine for d in self.cluster.members]
        wanted = {f"acknowledged_{draw.choice(others).name}": draw.choice([1, 25]), f"answered_{node.name}": 10}
        return Fault("cut off node", node.name, *self.link_fault([node.machine], machines, draw),
                     lambda: history.wait_for_more(or_failed=50, **wanted))

    def link_fault(self, machines, others, draw):
        """What cuts the links between machines and others, and what heals them."""
        both_ways = draw.random() < 0.7

        def heal():
            for m in [*machines, *others]:
                m.heal()

        return lambda: network.cut(machines, others, both_ways), heal

    def draw_database_fault(self, answering, history, draw):
        """`answering`: nodes that are there meanwhile."""
        members = self.cluster.members
        leader = self.cluster.leader() or draw.choice(members)
        member = leader if draw.random() < 0.7 else draw.choice(members)
        whom = f"{member.name} (leader)" if member is leader else member.name
        others = [m.machine for m in members if m is not member]
        nodes = [n.machine for n in self.nodes]
        start_etcd = functools.partial(member.start_etcd, members)
        kinds = {
            "kill postgres": (member.kill_postgres, lambda: None),
            "freeze postgres": (member.freeze_postgres, member.thaw_postgres),
            "kill patroni": (member.kill_patroni, member.start_patroni_again),
            "freeze patroni": (member.freeze_patroni, member.thaw_patroni),
            "kill etcd": (member.kill_etcd, start_etcd),
            "cut off from the other members": self.link_fault([member.machine], others, draw),
            "cut off from all": self.link_fault([member.machine], others + nodes, draw),
            "cut off from nodes": self.link_fault([member.machine], nodes, draw),
        }
        kind = draw.choice(list(kinds))
        length = fault_schedule.while_searches_go_on(answering, history, draw)
        # Another leader takes over, if there was a standby, and unless it is well and only the nodes do not reach it.
        if kind != "cut off from nodes" and draw.random() < 0.7:
            acknowledged = {f"acknowledged_{draw.choice(answering).name}": draw.choice([1, 20])}

            def length():
                history.wait_for_more(or_failed=50, **acknowledged)

        return Fault(kind, whom, *kinds[kind], length)


if __name__ == "__main__":
    unittest.main()
