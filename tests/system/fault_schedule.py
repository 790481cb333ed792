"""Faults that a seed draws, each of which begins and ends when clients have got so far, never after some time.

FPNODE_FAULT_SEED repeats the draws of a run, FPNODE_FAULTS=N asks for another number of faults.
"""

import os
import random
import shutil
import signal
import time

import requests

from replication_load import INDEX, Load, read_changelog, read_replica, violations
from support import PATIENCE, Node

SEED = int(os.environ.get("FPNODE_FAULT_SEED", random.SystemRandom().getrandbits(32)))

# Checkpoints, merges and new log files every few commits, and short deadlines, so that some writes are in doubt.
FLAGS = ["--checkpoint-threshold", "3000", "--min-segment-size", "500", "--segments-per-level", "3",
         "--segments-per-merge", "4", "--oplog-file-bytes", "65536", "--changelog-poll-ms", "20"]


def number_of_faults(otherwise):
    return int(os.environ.get("FPNODE_FAULTS", otherwise))


class Member:
    """A node that is started again and again on the same data."""

    def __init__(self, name, data, *flags, host="127.0.0.1", within=()):
        self.name = name
        self.node = None
        self._data, self._flags, self._within = data, flags, within
        self._host = host
        self._ended = []
        self._place = None

    def place(self):
        return self._place

    def daemons(self):
        """All that there have been, by program."""
        return {"node": [*self._ended, self.node]}

    def url(self, path=""):
        return f"http://{self._host}:{self.node.http_port}{path}"

    def start(self):
        if self.node:
            self._ended.append(self.node)
        self.node = Node(self._data, *self._flags, within=self._within)
        self._place = f"{self.name}#{len(self._ended)}", self._host, self.node.http_port

    def kill(self):
        self._place = None
        if self.node:
            self.node.kill()

    def stop(self):
        self._place = None
        return self.node.stop()

    def forget(self):
        """The node starts without its data."""
        self.kill()
        shutil.rmtree(self._data)
        self.start()

    def freeze(self):
        self.node.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.node.process.send_signal(signal.SIGCONT)


class Fault:
    """`kind`: a word for what happens to `whom`. `length`: waits until it shall end."""

    def __init__(self, kind, whom, begin, end, length):
        self.kind, self.whom, self.begin, self.end, self.length = kind, whom, begin, end, length

    def during(self, other):
        """This fault while another one lasts."""

        def begin():
            other.begin()
            self.begin()

        def end():
            try:
                self.end()
            finally:
                other.end()

        return Fault(f"{other},", str(self), begin, end, self.length)

    def __str__(self):
        return f"{self.kind} {self.whom}"


def while_another_writes(others, history, draw):
    """Until one of the others has acknowledged some more writes."""
    wanted = {f"acknowledged_{draw.choice(others).name}": draw.choice([1, 5, 25])}
    return lambda: history.wait_for_more(or_failed=50, **wanted)


def node_killed(member, others, history, draw):
    return Fault("kill node", member.name, member.kill, member.start, while_another_writes(others, history, draw))


def node_frozen(member, others, history, draw):
    return Fault("freeze node", member.name, member.freeze, member.thaw, while_another_writes(others, history, draw))


def while_searches_go_on(members, history, draw):
    """Until every node has answered some more searches, at times until writes have been answered, too."""
    wanted = {f"answered_{m.name}": draw.choice([1, 10, 50]) for m in members}
    if draw.random() < 0.3:
        wanted["written"] = 10
    return lambda: history.wait_for_more(**wanted)


def make_index(members):
    """The index, once all members follow it."""
    made = requests.put(members[0].url(f"/{INDEX}"), timeout=PATIENCE)
    if made.status_code != 200:
        raise AssertionError(f"{made.status_code} {made.text}")
    for m in members:
        m.node.wait_for(f"{INDEX}: follows")


def start_load(test, members, patience):
    """What this run draws from, and clients at work until the test ends. Says how to repeat it."""
    print(f"\nFPNODE_FAULT_SEED={SEED}", flush=True)
    load = Load(members, SEED, writers=6, searchers=3, patience=patience)
    load.start()
    test.addCleanup(load.stop)
    return random.Random(SEED), load


def run(faults, history, draw, behind_each=lambda: None):
    """`faults`: makers of faults. One after the other, each behind some writes that were acknowledged."""
    began = time.monotonic()
    for number, make in enumerate(faults, start=1):
        history.wait_for_more(acknowledged=draw.choice([1, 20, 100]))
        fault = make()
        start = time.monotonic() - began
        print(f"{number}: {fault} from {start:.1f} s", end="", flush=True)
        fault.begin()
        try:
            fault.length()
        finally:
            fault.end()
        print(f" to {time.monotonic() - began:.1f} s", flush=True)
        behind_each()
    history.wait_for_more(acknowledged=100)


def compare(members, history, sql, astray=()):
    """What of the history contradicts the changelog and the members, which are started again and catch up. `sql` runs
    statements on the primary; `astray` as of `violations`."""
    for m in members:
        if m.stop() != 0:
            raise AssertionError(m.node.log())
    changelog = read_changelog(sql)
    replicas = {}
    for m in members:
        m.start()
        m.node.wait_for(f"{INDEX}: follows")
        replicas[m.name] = read_replica(m.url(), len(changelog))
    return violations(history, changelog, replicas, astray)
