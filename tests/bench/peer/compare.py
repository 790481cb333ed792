#!/usr/bin/env python3
"""Compares two servers that speak fpindex's HTTP contract: the same documents fed to both, the same queries, the servers
in turn, so that what the machine does otherwise meets both. The last column is the first server over the second one.

  tests/bench/peer/compare.py [OPTION]... FIRST SECOND

A server is URL, of one that runs, or COMMAND, which is started, stopped and started again in a folder of its own; "{port}"
and "{folder}" in it stand for those. Only of a command there are figures of memory, disk, processor and start:

  tests/bench/peer/compare.py \\
    "build/fpnode --dir {folder} --port {port} --caf-port 0" "fpindex --dir {folder} --port {port}"

Needs wrk. The index, "peer", must not exist; it is deleted at the end.
"""

import argparse
import json
import os
import pathlib
import re
import shlex
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import requests

import corpus

HERE = pathlib.Path(__file__).resolve().parent
INDEX = "/peer"
PACKED = {"Content-Type": "application/vnd.msgpack"}
PATIENCE = 120  # seconds until an answer, or a start, is given up


class Server:
    def __init__(self, what, folder):
        self.process = None
        self.command = None
        if what.startswith(("http://", "https://")):
            self.url = what.rstrip("/")
            return
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.folder = folder
        self.command = shlex.split(what.replace("{port}", str(port)).replace("{folder}", str(folder)))

    def start(self, ask):
        """Seconds until `ask` was answered well."""
        began = time.monotonic()
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while time.monotonic() - began < PATIENCE:
            if self.process.poll() is not None:
                sys.exit(f"{self.command[0]} ended with {self.process.returncode}")
            try:
                # A server says in no way common to all that it is there: asking is all that there is.
                if ask(self).ok:
                    return time.monotonic() - began
            except requests.ConnectionError:
                pass
            time.sleep(0.002)
        sys.exit(f"{self.command[0]} does not answer")

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(PATIENCE)
            self.process = None

    def processor(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self, field):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+) kB", status, re.M).group(1)) / 1000

    def disk(self):
        return sum(f.stat().st_blocks * 512 for f in self.folder.rglob("*") if f.is_file())

    def is_quiet(self, seconds):
        """Whether it worked less than a hundredth of the time."""
        before = self.processor()
        time.sleep(seconds)
        return self.processor() - before < seconds / 100


def show(what, first, second, digits=0):
    """A row of the table. `first` and `second`: of each round."""
    def median(values):
        return f"{statistics.median(values):,.{digits}f}"
    ratios = sorted(a / b for a, b in zip(first, second) if b)
    ratio = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})" if ratios else ""
    print(f"| {what} | {median(first)} | {median(second)} | {ratio} |", flush=True)


def health(server):
    return requests.get(server.url + "/_health", timeout=PATIENCE)


def feed(server, options):
    """Documents a second, one writer; made beforehand, so that the client's own work is little."""
    session = requests.Session()
    session.put(server.url + INDEX, timeout=PATIENCE).raise_for_status()
    spent = 0
    for body in corpus.batches(options.kind, options.documents):
        began = time.monotonic()
        session.post(server.url + INDEX + "/_update", data=body, headers=PACKED, timeout=PATIENCE).raise_for_status()
        spent += time.monotonic() - began
    return options.documents / spent


def search(server, hashes, session=requests):
    return session.post(server.url + INDEX + "/_search", json={"query": hashes, "limit": 10}, timeout=PATIENCE)


def results(server, query, session):
    answer = search(server, query, session)
    answer.raise_for_status()
    return [(r["id"], r["score"]) for r in answer.json()["results"]]


def load(server, connections, seconds, what):
    out = subprocess.run(
        ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s", "--timeout", "30s",
         "--script", HERE / "requests.lua", server.url + INDEX],
        env=os.environ | what, check=True, capture_output=True, text=True).stdout
    result = json.loads(re.search(r"^RESULT (.*)$", out, re.M).group(1))
    if result["failed"]:
        sys.exit(f"{server.url}: requests failed:\n{out}")
    result["rate"] = result["requests"] * 1e6 / result["microseconds"]
    return result


def compare_loads(servers, options, name, what):
    for connections in options.connections:
        rounds = [[load(s, connections, options.seconds, what()) for s in servers] for _ in range(options.rounds)]
        of = f"{connections} connection{'s' if connections > 1 else ''}"
        for key, label, scale, digits in (("rate", f"{name} a second, {of}", 1, 0), ("p50", f"{name}, {of}, p50, ms", 1000, 2),
                                          ("p99", f"{name}, {of}, p99, ms", 1000, 2)):
            show(label, *[[r[i][key] / scale for r in rounds] for i in (0, 1)], digits)


def compare(servers, options, folder):
    print(f"{options.kind}, {options.documents:,} documents of {corpus.HASHES} hashes, {options.rounds} rounds of "
          f"{options.seconds} s\n\n| what | first | second | first over second |\n| --- | --- | --- | --- |", flush=True)
    for s in servers:
        if s.command:
            s.start(health)
    both_started = all(s.command for s in servers)
    show(f"documents a second, one writer, {corpus.BATCH} an update", *[[feed(s, options)] for s in servers])
    queries = list(corpus.queries(options.kind, options.documents, options.queries))
    if both_started:
        for s in servers:
            while not s.is_quiet(options.settle):
                pass
        postings = options.documents * corpus.HASHES
        show("processor until quiet, s", *[[s.processor()] for s in servers], 1)
        show("bytes on disk a posting", *[[s.disk() / postings] for s in servers], 2)
        show("memory of its own, MB", *[[s.memory("RssAnon")] for s in servers])
        show("memory with mapped files, MB", *[[s.memory("VmRSS")] for s in servers])
    sessions = [requests.Session() for _ in servers]
    same = sum(results(servers[0], q, sessions[0]) == results(servers[1], q, sessions[1]) for q in queries)
    bodies = folder / "searches"
    bodies.write_text("".join(json.dumps({"query": q, "limit": 10}) + "\n" for q in queries))
    compare_loads(servers, options, "searches", lambda: {"FPNODE_SEARCHES": str(bodies)})
    if both_started:
        starts = [[], []]
        for _ in range(options.rounds):
            for s, times in zip(servers, starts):
                s.stop()
                times.append(s.start(lambda server: search(server, queries[0])))
        show("start until the first answer, s", *starts, 3)
    next_id = [options.documents + 1]

    def writes():
        # Far behind what any turn before has written.
        next_id[0] += 10_000_000
        return {"FPNODE_WRITES": str(next_id[0])}

    compare_loads(servers, options, "single-document writes", writes)
    print(f"\nThe same answer to {same:,} of {len(queries):,} searches.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first")
    parser.add_argument("second")
    parser.add_argument("--kind", choices=corpus.KINDS, default="uniform")
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=2_000)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--rounds", type=int, default=3, help="turns of each server; medians are shown, of ratios the range, too")
    parser.add_argument("--seconds", type=int, default=5, help="length of a turn")
    parser.add_argument("--settle", type=float, default=3, help="seconds without work after which a server counts as quiet")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fpnode-peer-") as name:
        folder = pathlib.Path(name)
        servers = [Server(what, folder / which) for which, what in (("first", options.first), ("second", options.second))]
        for which in ("first", "second"):
            (folder / which).mkdir()
        try:
            compare(servers, options, folder)
        finally:
            for s in servers:
                if s.command:
                    if s.process:
                        s.process.kill()
                        s.process.wait()
                else:
                    requests.delete(s.url + INDEX, timeout=PATIENCE)


if __name__ == "__main__":
    main()
