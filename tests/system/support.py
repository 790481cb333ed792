"""Starts real nodes and clients for the system tests.

The programs are taken from the folder named by FPNODE_BUILD (default: build). Nodes listen on free loopback ports and
keep their data in temporary folders.
"""

import fcntl
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("FPNODE_BUILD", "build")
DATA = ROOT / "tests" / "data"

# What fpctl remembers of ingests that do not finish goes with the tests.
STATE = tempfile.TemporaryDirectory(prefix="fpnode-state-")
os.environ["XDG_STATE_HOME"] = STATE.name

# Nothing here takes this long unless it hangs; sanitizer builds are slow.
PATIENCE = 120


class Daemon:
    """A running program. Its log is read as it comes; nothing polls."""

    def __init__(self, command, **how):
        self.lines = []
        self._changed = threading.Condition()
        self._ended = False
        self.process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True, errors="replace",
                                        **how)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait_for(self, pattern):
        """The match of the first log line with the pattern, past or future."""
        wanted = re.compile(pattern)
        found = []

        def seen():
            found[:] = [m for m in map(wanted.search, self.lines) if m]
            return found or self._ended

        with self._changed:
            if not self._changed.wait_for(seen, PATIENCE) or not found:
                raise AssertionError(f"no log line matches {pattern!r}:\n" + "\n".join(self.lines))
        return found[0]

    def wait_for_each(self, pattern, count):
        """Waits until so many log lines match."""
        wanted = re.compile(pattern)
        seen = [0, 0]  # lines, and matches among them

        def enough():
            seen[1] += sum(1 for line in self.lines[seen[0]:] if wanted.search(line))
            seen[0] = len(self.lines)
            return seen[1] >= count or self._ended

        with self._changed:
            if not self._changed.wait_for(enough, PATIENCE) or seen[1] < count:
                raise AssertionError(f"{seen[1]} of {count} log lines match {pattern!r}")

    def log(self):
        with self._changed:
            return "\n".join(self.lines)

    def stop(self, number=signal.SIGTERM):
        """Ends the node cleanly and returns its exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self):
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self.process.stderr.close()
        return code

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        return self.wait()


class Node(Daemon):
    """A running fpnode. `group`: folder of the control group that it runs in. `caf_port`: None leaves it to the node.
    `within`: the command that runs it."""

    def __init__(self, data, *flags, descriptors=None, group=None, caf_port=0, within=()):
        self.data = pathlib.Path(data)
        port = [] if "--caf-port" in flags or caf_port is None else ["--caf-port", str(caf_port)]
        if "--port" not in flags:
            port += ["--port", "0"]
        bound = ["prlimit", f"--nofile={descriptors}"] if descriptors else []
        if group:
            bound = ["sh", "-c", 'echo $$ > "$0" && exec "$@"', group / "cgroup.procs"] + bound
        super().__init__([*within, *bound, BUILD / "fpnode", "--dir", self.data, *port, *flags])

    @property
    def port(self):
        return int(self.wait_for(r"listening for remote actors on \S+:(\d+)").group(1))

    @property
    def http_port(self):
        return int(self.wait_for(r"listening for HTTP(?: over TLS)? on \S+:(\d+)").group(1))

    @property
    def line_port(self):
        return int(self.wait_for(r"listening for the line protocol on \S+:(\d+)").group(1))

    def url(self, path=""):
        return f"http://127.0.0.1:{self.http_port}{path}"

    def connect(self):
        """A plain connection to the HTTP port."""
        return socket.create_connection(("127.0.0.1", self.http_port), PATIENCE)

    def open_files(self):
        """Paths of the files that the process has open."""
        folder = pathlib.Path(f"/proc/{self.process.pid}/fd")
        paths = []
        for entry in folder.iterdir():
            try:
                paths.append(os.readlink(entry))
            except FileNotFoundError:
                pass
        return paths

    def mapped_segments(self):
        """Segment files that the process has mapped."""
        maps = pathlib.Path(f"/proc/{self.process.pid}/maps").read_text()
        return {line.split()[-1] for line in maps.splitlines() if ".seg" in line}

    def ctl(self, *arguments, stdin=None, check=0):
        """Runs fpctl against this node and returns its output; `check` is the exit code that it must have."""
        result = run_ctl(self.port, *arguments, stdin=stdin)
        if check is not None and result.returncode != check:
            raise AssertionError(f"fpctl {arguments}: exit code {result.returncode}, not {check}\n"
                                 f"{result.stdout}{result.stderr}\n{self.log()}")
        return result

    def json(self, *arguments, stdin=None, check=0):
        return json.loads(self.ctl("--json", *arguments, stdin=stdin, check=check).stdout)


def free_ports(count):
    """Ports for those who have to be known before they listen. None of them is given to anybody who takes what comes."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        first = int(file.read().split()[0])
    sockets = []
    while len(sockets) < count:
        try:
            sockets.append(socket.create_server(("127.0.0.1", random.randrange(10_000, first))))
        except OSError:
            continue
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def run_ctl(port, *arguments, stdin=None):
    return subprocess.run([BUILD / "fpctl", "--port", str(port), *map(str, arguments)], input=stdin,
                          capture_output=True, text=True, timeout=PATIENCE)


class HeldFiles:
    """Keeps other processes from opening files: they wait until `release`, or until the kernel's
    /proc/sys/fs/lease-break-time is over. This is how a test has an index that is loading for as long as it likes."""

    def __init__(self, *paths):
        # The kernel tells with this signal that somebody wants to open one of the files.
        self._before = signal.signal(signal.SIGIO, signal.SIG_IGN)
        self._files = [os.open(path, os.O_RDWR) for path in paths]
        for file in self._files:
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)

    def release(self):
        for file in self._files:
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
            os.close(file)
        if self._files:
            signal.signal(signal.SIGIO, self._before)
        self._files = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()


class NodeTest(unittest.TestCase):
    """A test with a temporary folder, whose nodes end with it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="fpnode-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def start(self, *flags, data="data", group=None):
        node = self.start_unready(*flags, data=data, group=group)
        node.port  # listening, or an error that shows the log
        return node

    def start_unready(self, *flags, data="data", **how):
        """Starts a node and waits for nothing."""
        node = Node(self.folder / data, *flags, **how)
        self.addCleanup(node.kill)
        return node

    def start_refused(self, *flags, data="data"):
        """Starts a node that must not come up. Returns its exit code and what it said."""
        node = self.start_unready(*flags, data=data)
        return node.wait(), node.log()
