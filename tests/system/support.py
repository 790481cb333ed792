"""Starts and stops real fpnode processes for the system tests.

Nothing here sleeps: a node is ready when it has logged what the caller waits for, and gone when its process is.
"""

import json
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("FPNODE_BUILD", os.path.join(ROOT, "build"))
TIMEOUT = float(os.environ.get("FPNODE_TEST_TIMEOUT", "60"))


def binary(name):
    return os.path.join(BUILD, name)


class Node:
    """One fpnode process on free ports, with a data folder that outlives restarts."""

    def __init__(self, folder=None, **settings):
        self._own_folder = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix="fpnode-test-")
        self.settings = {"dir": os.path.join(self.folder, "data"), "port": 0, "caf_port": 0, **settings}
        self.process = None
        self.log = []
        self.ports = {}

    def start(self, args=(), wait=True):
        """Starts the process; with `wait`, returns once every listener that is on has logged its port."""
        config = os.path.join(self.folder, "config.json")
        with open(config, "w", encoding="utf-8") as f:
            json.dump(self.settings, f)
        self.log = []
        self.ports = {}
        self._lines = queue.Queue()
        self.process = subprocess.Popen(
            [binary("fpnode"), "--config", config, *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read_log, args=(self.process, self._lines), daemon=True)
        self._reader.start()
        if wait:
            if self.settings["port"] != "off":
                self.ports["http"] = int(self.wait_for(r"listening for HTTP on .*:(\d+)").group(1))
            if self.settings["caf_port"] != "off":
                self.ports["caf"] = int(self.wait_for(r"listening for remote actors on .*:(\d+)").group(1))
        return self

    @staticmethod
    def _read_log(process, lines):
        for line in process.stderr:
            lines.put(line.rstrip("\n"))
        process.stderr.close()
        lines.put(None)

    def wait_for(self, pattern, timeout=TIMEOUT):
        """The match of the first log line since the start that has the pattern; waits for it to be logged."""
        for line in self.log:
            if match := re.search(pattern, line):
                return match
        deadline = time.monotonic() + timeout
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"not logged in {timeout} s: {pattern}\n" + self.log_text()) from None
            if line is None:
                raise AssertionError(f"the node ended without logging: {pattern}\n" + self.log_text())
            self.log.append(line)
            if match := re.search(pattern, line):
                return match

    def log_text(self):
        return "\n".join(self.log)

    def _ended(self, timeout):
        code = self.process.wait(timeout)
        self._reader.join()
        while (line := self._lines.get()) is not None:
            self.log.append(line)
        self._lines.put(None)
        return code

    def wait_end(self, timeout=TIMEOUT):
        """Waits until the process has ended by itself; returns its exit code."""
        return self._ended(timeout)

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, timeout=TIMEOUT):
        """Ends the process cleanly; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self._ended(timeout)

    def kill(self):
        """Ends the process the hard way, as a crash would."""
        self.process.kill()
        return self._ended(TIMEOUT)

    def restart(self, kill=False):
        self.kill() if kill else self.stop()
        return self.start()

    def close(self):
        """Ends the process, if it runs, and removes the data folder."""
        if self.process is not None and self.process.returncode is None:
            self.kill()
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.close()

    def url(self, path=""):
        return f"http://127.0.0.1:{self.ports['http']}{path}"

    def connect(self, timeout=TIMEOUT):
        """A plain connection to the HTTP port."""
        return socket.create_connection(("127.0.0.1", self.ports["http"]), timeout)


class NodeTest(unittest.TestCase):
    """A test class with one node for all of its tests; `settings` are the node's."""

    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.node = Node(**cls.settings)
        cls.addClassCleanup(cls.node.close)
        cls.node.start()
