"""Machines on one machine: network namespaces on a bridge, whose links can be cut.

Whoever makes them has a network namespace of its own already, with which they vanish. The addresses are those that are
reserved for benchmarks (RFC 2544).
"""

import subprocess

from support import PATIENCE, Daemon

HERE = "198.18.0.1"


def run(*words, stdin=None):
    done = subprocess.run(list(map(str, words)), input=stdin, capture_output=True, text=True, timeout=PATIENCE)
    if done.returncode != 0:
        raise AssertionError(f"{words}: {done.stderr}")


def make_bridge():
    """The network that the machines are in; this process is, too."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "bridge0", "type", "bridge")
    run("ip", "addr", "add", f"{HERE}/24", "dev", "bridge0")
    run("ip", "link", "set", "bridge0", "up")


class Machine:
    """A network namespace. `within` is what runs a command in it."""

    _number = 10

    def __init__(self, name):
        Machine._number += 1
        self.name = name
        self.address = f"198.18.0.{Machine._number}"
        # A namespace is there as long as a process is in it.
        self._holder = Daemon(["setpriv", "--pdeathsig=KILL", "unshare", "--net", "sh", "-c",
                               "echo ready >&2; exec sleep infinity"])
        self._holder.wait_for("ready")
        pid = self._holder.process.pid
        self.within = ["nsenter", "-t", str(pid), "-n", "setpriv", "--pdeathsig=KILL"]
        link = f"to{Machine._number}"
        run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", pid)
        run("ip", "link", "set", link, "master", "bridge0", "up")
        self.run("ip", "addr", "add", f"{self.address}/24", "dev", "eth0")
        self.run("ip", "link", "set", "eth0", "up")
        self.run("ip", "link", "set", "lo", "up")
        self.run("nft", "add table inet cut; add chain inet cut input { type filter hook input priority 0; }")

    def run(self, *words):
        run(*self.within, *words)

    def drop(self, addresses):
        """Drops what comes from there."""
        for a in addresses:
            self.run("nft", f"add rule inet cut input ip saddr {a} drop")

    def heal(self):
        """Drops nothing any more."""
        self.run("nft", "flush chain inet cut input")

    def close(self):
        self._holder.kill()


def cut(machines, others, both_ways=True):
    """Nothing comes from the others to the machines any more, and nothing from those to them."""
    for m in machines:
        m.drop([o.address for o in others])
    for o in others if both_ways else ():
        o.drop([m.address for m in machines])
