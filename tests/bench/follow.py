#!/usr/bin/env python3
"""How fast replicas are, each figure against a reference of the same run, on nodes that are processes.

  tests/bench/follow.py [--build BUILD] [--documents N] [--rounds N] [PART...]

Documents have 120 hashes and come in updates of 1,000. The parts, all by default:
  follow: an empty node that follows another one over HTTP, which has them all in its changelog, and a node that orders
    changes itself and whose index is gone, against a node that stands alone and takes them over HTTP, four at a time;
  base: an empty node that takes the index of another one, until it is searched, against cp of that index's files, synced,
    and fpctl check of the copy;
  searches: one search after the other at a node that has half of the documents and gets the other half from a changelog
    as fast as it can, against the same when it has all and rests: 99th percentiles;
  idle: a node that follows 1,000 indexes in PostgreSQL to which nothing is written: its share of a core, and the
    transactions of that PostgreSQL, those of the measurement among them.
"""

import argparse
import concurrent.futures
import http.client
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "system"), str(ROOT / "tests" / "bench" / "peer")]

import requests  # noqa: E402

import corpus  # noqa: E402
import postgres_server  # noqa: E402
import support  # noqa: E402


def send(node, bodies):
    session = requests.Session()
    session.put(node.url("/main")).raise_for_status()

    def post(body):
        session.post(node.url("/main/_update"), data=body,
                     headers={"Content-Type": "application/vnd.msgpack"}).raise_for_status()

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(post, bodies))


nodes = []


def start(*arguments):
    nodes.append(support.Node(*arguments))
    nodes[-1].port
    return nodes[-1]


def since(began):
    return time.monotonic() - began


def follow(folder, bodies, documents):
    alone = start(f"{folder}/alone")
    began = time.monotonic()
    send(alone, bodies)
    ingest = documents / since(began)
    alone.stop()
    coordinator = start(f"{folder}/coordinator", "--coordinator")
    send(coordinator, bodies)
    began = time.monotonic()
    follower = start(f"{folder}/follower", "--coordinator-url", coordinator.url())
    follower.wait_for(f"main: filled at position {documents}")
    over_http = documents / since(began)
    follower.stop()
    coordinator.stop()
    shutil.rmtree(f"{folder}/coordinator/main")
    began = time.monotonic()
    coordinator = start(f"{folder}/coordinator", "--coordinator")
    coordinator.wait_for(f"main: filled at position {documents}")
    own = documents / since(began)
    coordinator.stop()
    return (f"ingest {ingest:,.0f} documents/s; follow {over_http:,.0f}: {over_http / ingest:.2f}; "
            f"own log {own:,.0f}: {own / ingest:.2f}")


def base(folder, bodies, documents):
    coordinator = start(f"{folder}/coordinator", "--coordinator")
    send(coordinator, bodies)
    coordinator.ctl("checkpoint", "main")
    coordinator.ctl("merge", "main")
    # Once before, so that both find the files in memory.
    for timed in (False, True):
        shutil.rmtree(f"{folder}/copy", ignore_errors=True)
        began = time.monotonic()
        shutil.copytree(f"{folder}/coordinator/main", f"{folder}/copy/main")
        for file in pathlib.Path(f"{folder}/copy").rglob("*"):
            if file.is_file():
                with open(file, "rb") as opened:
                    os.fsync(opened.fileno())
        copied = since(began)
        subprocess.run([support.BUILD / "fpctl", "check", f"{folder}/copy"], check=True, capture_output=True)
        reference = since(began)
    follower = start(f"{folder}/follower", "--coordinator-url", coordinator.url(), "--peers", coordinator.url())
    size = int(follower.wait_for(rf"main: takes version {documents}, (\d+) bytes").group(1))
    began = time.monotonic()
    follower.wait_for("main: follows")
    taken = since(began)
    follower.stop()
    coordinator.stop()
    return (f"{size / 1e6:.0f} MB; cp {copied:.2f} s, with check {reference:.2f} s; base from a peer {taken:.2f} s: "
            f"{reference / taken:.2f}")


class Searcher:
    """Searches without pause until it is told to stop; `enough`: when it has done so often."""

    def __init__(self, node, draw, often=4000):
        self.connection = http.client.HTTPConnection("127.0.0.1", node.http_port)
        self.draw = draw
        self.times = []
        self.often = often
        self.enough, self.done = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.done.is_set():
            body = json.dumps({"query": [self.draw.getrandbits(32) for _ in range(120)]})
            began = time.monotonic()
            self.connection.request("POST", "/main/_search", body, {"Content-Type": "application/json"})
            answer = self.connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"a search failed: {answer.status}")
            self.times.append(since(began))
            if len(self.times) == self.often:
                self.enough.set()

    def p99(self):
        self.done.set()
        self.thread.join()
        self.connection.close()
        return sorted(self.times)[len(self.times) * 99 // 100] * 1000, len(self.times)


def searches(folder, bodies, documents):
    half = len(bodies) // 2
    coordinator = start(f"{folder}/coordinator", "--coordinator")
    flags = ["--coordinator-url", coordinator.url()]
    follower = start(f"{folder}/follower", *flags)
    send(coordinator, bodies[:half])
    follower.wait_for("main: filled at position")
    requests.post(follower.url(f"/main/_search?min_version={half * 1000}"),
                  json={"query": [1], "timeout": 100000}).raise_for_status()
    follower.stop()
    send(coordinator, bodies[half:])
    began = time.monotonic()
    follower = start(f"{folder}/follower", *flags)
    follower.wait_for("main: ready at version")
    searcher = Searcher(follower, random.Random(2))
    answer = requests.post(follower.url(f"/main/_search?min_version={documents}"),
                           json={"query": [1], "timeout": 100000})
    following, count = searcher.p99()
    took = since(began)
    answer.raise_for_status()
    follower.ctl("checkpoint", "main")
    searcher = Searcher(follower, random.Random(3))
    searcher.enough.wait(support.PATIENCE)
    quiet, _ = searcher.p99()
    follower.stop()
    coordinator.stop()
    return (f"{count} searches while {documents - half * 1000:,} documents came within {took:.1f} s: p99 "
            f"{following:.2f} ms; quiet {quiet:.2f} ms: {following / quiet:.2f}")


def idle(folder, *_):
    indexes, seconds = 1_000, 30
    pathlib.Path(folder).chmod(0o755)  # PostgreSQL runs as a user of its own
    database = postgres_server.PostgresServer(f"{folder}/postgres")
    try:
        subprocess.run([support.BUILD / "fpctl", "changelog", "init", "--changelog", database.url], check=True,
                       capture_output=True)
        node = start(f"{folder}/node", "--changelog", database.url)
        with requests.Session() as session:
            for i in range(indexes):
                session.put(node.url(f"/i{i}")).raise_for_status()
                session.put(node.url(f"/i{i}/1"), json={"hashes": [1]}).raise_for_status()

        def figures():
            fields = pathlib.Path(f"/proc/{node.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
            [[transactions]] = database.sql("SELECT sum(xact_commit + xact_rollback) FROM pg_stat_database")
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(transactions)

        time.sleep(seconds / 3)  # what was written is checkpointed
        began = time.monotonic()
        before = figures()
        time.sleep(seconds)
        after = figures()
        took = since(began)
        node.stop()
    finally:
        database.close()
    return (f"{indexes} indexes: {100 * (after[0] - before[0]) / took:.2f} % of a core, "
            f"{(after[1] - before[1]) / took:.1f} transactions/s")


def main():
    parts = {"follow": follow, "base": base, "searches": searches, "idle": idle}
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--build", default="build")
    arguments.add_argument("--documents", type=int, default=100_000)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("parts", nargs="*", metavar="PART", choices=[*parts, []])
    chosen = arguments.parse_args()
    support.BUILD = ROOT / chosen.build
    bodies = list(corpus.batches("uniform", chosen.documents))
    for _ in range(chosen.rounds):
        for name in chosen.parts or parts:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    print(f"{name}: {parts[name](folder, bodies, chosen.documents)}", flush=True)
                finally:
                    for node in nodes:
                        node.kill()
                    nodes.clear()


if __name__ == "__main__":
    main()
