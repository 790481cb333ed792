"""A node that orders changes and holds all of an index, and members with a slice of it each, which reach that node and
each other by links that can be cut."""

import json
import socket
import time

import msgpack
import requests

from cut_links import Links
from fault_schedule import FLAGS, Member
from replication_load import INDEX
from slices_checker import Placement
from slices_support import cluster_status, is_whole
from support import PATIENCE, free_ports
from test_http_contract import read_response

AT_ONCE = 16  # questions for documents; a node reads no more ahead of its answers


class Cluster:
    def __init__(self, test, slices, replicas):
        names = [f"m{i}" for i in range(slices * replicas)]
        self.placement = Placement({m: i // replicas + 1 for i, m in enumerate(names)}, slices)
        self.links = Links()
        test.addCleanup(self.links.close)
        whole_port, *ports = free_ports(1 + len(names))
        ports = dict(zip(names, ports))
        self.whole = Member("whole", test.folder / "whole", *FLAGS, "--coordinator", "--port", str(whole_port))
        self.members = []
        for m in names:
            others = [f"127.0.0.1:{self.links.make((m, o), ports[o])}" for o in names if o != m]
            feed = self.links.make((m, "whole"), whole_port)
            self.members.append(Member(
                m, test.folder / m, *FLAGS, "--coordinator-url", f"http://127.0.0.1:{feed}", "--changelog-timeout-ms", "500",
                "--replication-timeout-ms", "1000", "--slice", f"{self.placement.slices[m]}/{slices}", "--members",
                ",".join(others), "--node-name", m, "--caf-port", str(ports[m])))
        for m in (self.whole, *self.members):
            test.addCleanup(m.kill)
            m.start()
        made = requests.put(self.whole.url(f"/{INDEX}"), timeout=PATIENCE)
        if made.status_code != 200:
            raise AssertionError(f"{made.status_code} {made.text}")
        self._document_of = {self.placement.slice_of(d): d for d in range(1, 100)}

    def holders(self, number):
        return [m for m in self.members if self.placement.slices[m.name] == number]

    def wait_until_whole(self, version, pause):
        """Until every member is at a version, and sees all others well. `pause` is called between two looks."""
        for m in self.members:
            m.node.wait_for(f"{INDEX}: follows")
            self.wait_for_version(m, version)
        for m in self.members:
            self._wait_for_status(m, pause)

    def wait_for_version(self, member, version):
        """A member waits for one with who asks for a document of its own slice."""
        path = f"/{INDEX}/{self._document_of[self.placement.slices[member.name]]}?min_version={version}"
        end = time.monotonic() + PATIENCE
        while (answer := requests.get(member.url(path), timeout=PATIENCE)).status_code not in (200, 404):
            if time.monotonic() > end:
                raise AssertionError(f"{member.name} does not come to {version}: {answer.text}\n{member.node.log()}")

    @staticmethod
    def _wait_for_status(member, pause):
        end = time.monotonic() + PATIENCE
        while True:
            status = cluster_status(member.node, INDEX)
            if is_whole(status):
                return
            if time.monotonic() > end:
                raise AssertionError(f"{member.name}: {status}\n{member.node.log()}")
            pause()

    def changelog(self):
        """Pairs of a position and a change, as the checker takes them."""
        changes = []
        while True:
            after = changes[-1][0] if changes else 0
            answer = requests.get(self.whole.url(f"/_changelog/{INDEX}/1?after={after}&max=1024"), timeout=PATIENCE)
            entries = msgpack.unpackb(answer.content)["e"]
            if not entries:
                return changes
            for e in entries:
                (kind, change), = e["c"].items()
                changes.append((e["i"], (change["i"], tuple(change["h"]) if kind == "i" else None)))

    @staticmethod
    def look_all(member, documents):
        """Which of the documents there are, as a member says: the version that wrote it by document."""
        found = {}
        with socket.create_connection(("127.0.0.1", member.node.http_port), PATIENCE) as connection:
            answers = connection.makefile("rb")
            for first in range(0, len(documents), AT_ONCE):
                some = documents[first:first + AT_ONCE]
                connection.sendall("".join(f"GET /{INDEX}/{d} HTTP/1.1\r\nHost: node\r\n\r\n" for d in some).encode())
                for d in some:
                    status, _, body = read_response(answers)
                    if status == 200:
                        found[d] = json.loads(body)["version"]
                    elif (status, json.loads(body)) != (404, {"error": "FingerprintNotFound"}):
                        raise AssertionError(f"{member.name}: document {d}: {status} {body}")
        return found

