#!/usr/bin/env python3
"""How fast a node follows a changelog that has everything, against its own durable ingest over HTTP, in one run.

  tests/bench/follow.py [BUILD] [DOCUMENTS] [ROUNDS]

Each round takes DOCUMENTS documents of 120 hashes, in updates of 1,000, and times
  ingest: a node that stands alone takes them over HTTP, four at a time;
  follow: an empty node that follows another one over HTTP, which has them all in its changelog, has them;
  own log: a node that orders changes itself, whose index is gone, has them again.
"""

import concurrent.futures
import pathlib
import random
import shutil
import struct
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "system"))

import requests  # noqa: E402

import support  # noqa: E402


def update_of(documents, draw):
    """A body of MessagePack, as fpindex's clients send it: {c: [{i: {i: id, h: [hash]}}]}."""
    parts = [b"\x81\xa1c", struct.pack(">BH", 0xDC, len(documents))]
    for document in documents:
        parts.append(b"\x81\xa1i\x82\xa1i" + struct.pack(">BI", 0xCE, document) + b"\xa1h" + struct.pack(">BH", 0xDC, 120))
        parts += [struct.pack(">BI", 0xCE, draw.getrandbits(32)) for _ in range(120)]
    return b"".join(parts)


def send(node, bodies):
    session = requests.Session()
    session.put(node.url("/main")).raise_for_status()

    def post(body):
        session.post(node.url("/main/_update"), data=body,
                     headers={"Content-Type": "application/vnd.msgpack"}).raise_for_status()

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(post, bodies))


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else "build"
    documents = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    support.BUILD = ROOT / build
    draw = random.Random(1)
    bodies = [update_of(range(first, min(first + 1000, documents + 1)), draw)
              for first in range(1, documents + 1, 1000)]
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            alone = support.Node(f"{folder}/alone")
            alone.http_port
            began = time.monotonic()
            send(alone, bodies)
            ingest = documents / (time.monotonic() - began)
            alone.stop()
            coordinator = support.Node(f"{folder}/coordinator", "--coordinator")
            send(coordinator, bodies)
            began = time.monotonic()
            follower = support.Node(f"{folder}/follower", "--coordinator-url", coordinator.url())
            follower.wait_for(f"main: filled at position {documents}")
            follow = documents / (time.monotonic() - began)
            follower.stop()
            coordinator.stop()
            shutil.rmtree(f"{folder}/coordinator/main")
            began = time.monotonic()
            coordinator = support.Node(f"{folder}/coordinator", "--coordinator")
            coordinator.wait_for(f"main: filled at position {documents}")
            own = documents / (time.monotonic() - began)
            coordinator.stop()
        print(f"ingest {ingest:,.0f} documents/s; follow {follow:,.0f}: {follow / ingest:.2f}; "
              f"own log {own:,.0f}: {own / ingest:.2f}")


if __name__ == "__main__":
    main()
