#!/usr/bin/env python3
"""What it costs to search an index that lies in slices, against a node that holds all of it, all on this machine.

  tests/bench/slices.py [--build BUILD] [--documents N] [--seconds N] [--rounds N]

Documents have 120 hashes, and so have queries, in JSON over HTTP, sent by wrk. In one run, on processes on loopback:
  whole: a node that holds all, which is the reference;
  router alone: a node that holds all and whose searches go by a router, which has nobody else to ask;
  four slices: a member of a cluster of four, each with a quarter; and how long one of them takes to answer another,
    which is what tests/sim/ supposes;
  two replicas: two slices on two members each, healthy, and a second after one of them was stopped by SIGSTOP;
  a split: the second slice is split while clients search, which takes less time than they do.
"""

import argparse
import json
import pathlib
import statistics
import sys
import tempfile
import threading
import time
import types

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "system"), str(ROOT / "tests" / "bench" / "peer")]

import requests  # noqa: E402

import compare as peer  # noqa: E402
import corpus  # noqa: E402
import support  # noqa: E402

INDEX = peer.INDEX.strip("/")

nodes = []


def start(*arguments, **how):
    nodes.append(support.Node(*arguments, **how))
    nodes[-1].port
    return nodes[-1]


def status(node):
    shown = support.run_ctl(node.port, "cluster", "status", INDEX, "--json").stdout
    return json.loads(shown) if shown else None


def start_members(folder, whole, slices, version):
    ports = support.free_ports(len(slices))
    members = []
    for i, part in enumerate(slices):
        others = ",".join(f"127.0.0.1:{p}" for j, p in enumerate(ports) if j != i)
        # One that knows itself alone has a router all the same.
        members.append(start(f"{folder}/{i}-{part.replace('/', '-of-')}", "--coordinator-url", whole.url(), "--slice", part,
                             "--members", others or f"127.0.0.1:{ports[i]}", "--caf-port", str(ports[i])))

    def is_there(s):
        asked = [m for m in s["members"] if m["failure"] != "it is this node itself"]
        return not s["fault"] and all(not m["failure"] and m["version"] == version for m in asked)

    for node in members:
        while not ((s := status(node)) and is_there(s)):
            time.sleep(0.2)
    for node in members:
        node.ctl("checkpoint", INDEX)
        node.ctl("merge", INDEX)
    return members


def stop(members):
    for node in members:
        node.kill()


def load(node, connections, options, bodies):
    server = types.SimpleNamespace(url=node.url())
    return peer.load(server, connections, options.seconds, {"FPNODE_SEARCHES": str(bodies)})


def show(what, values, reference=None, unit="us"):
    middle = statistics.median(values)
    of = ""
    if reference:
        ratios = sorted(a / b for a, b in zip(values, reference))
        of = f"  {statistics.median(ratios):.2f} of the reference ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    print(f"{what:44} {middle:10,.0f} {unit}{of}", flush=True)


def compare(name, node, whole, options, bodies):
    for connections in (1, 16):
        rounds = [(load(whole, connections, options, bodies), load(node, connections, options, bodies))
                  for _ in range(options.rounds)]
        key, unit = ("p50", "us") if connections == 1 else ("rate", "a second")
        show(f"whole, {connections} connections, {key}", [r[0][key] for r in rounds], unit=unit)
        show(f"{name}, {connections} connections, {key}", [r[1][key] for r in rounds], [r[0][key] for r in rounds], unit)


def show_answers(node, options, bodies):
    """Of the other members, as the node saw them at the end of each round."""
    seen = []
    for _ in range(options.rounds):
        load(node, 1, options, bodies)
        seen += [m for m in status(node)["members"] if m["address"]]
    show("a member's answer to another, mean", [m["mean_us"] for m in seen])
    show("a member's answer to another, p95", [m["percentile_95_us"] for m in seen])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=str(ROOT / "build"))
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    support.BUILD = pathlib.Path(options.build).resolve()
    with tempfile.TemporaryDirectory() as folder:
        try:
            measure(pathlib.Path(folder), options)
        finally:
            for node in nodes:
                node.kill()


def measure(folder, options):
    whole = start(f"{folder}/whole", "--coordinator")
    session = requests.Session()
    session.put(whole.url(peer.INDEX)).raise_for_status()
    for body in corpus.batches("uniform", options.documents):
        session.post(whole.url(peer.INDEX + "/_update"), data=body,
                     headers={"Content-Type": "application/vnd.msgpack"}).raise_for_status()
    version = session.get(whole.url(peer.INDEX)).json()["version"]
    whole.ctl("checkpoint", INDEX)
    whole.ctl("merge", INDEX)
    bodies = folder / "searches"
    bodies.write_text("".join(json.dumps({"query": q, "limit": 10}) + "\n"
                              for q in corpus.queries("uniform", options.documents, 1000)))
    print(f"{options.documents:,} documents of {corpus.HASHES} hashes, {options.rounds} rounds of {options.seconds} s")
    for name, slices in (("router alone", ["1/1"]), ("four slices", ["1/4", "2/4", "3/4", "4/4"])):
        members = start_members(folder, whole, slices, version)
        compare(name, members[0], whole, options, bodies)
        if len(members) > 1:
            show_answers(members[0], options, bodies)
        stop(members)
    members = start_members(folder, whole, ["1/2", "1/2", "2/2", "2/2"], version)
    healthy, frozen = [], []
    for _ in range(options.rounds):
        healthy.append(load(members[0], 4, options, bodies)["p99"])
        members[3].process.send_signal(19)
        time.sleep(1)
        frozen.append(load(members[0], 4, options, bodies)["p99"])
        members[3].process.send_signal(18)
        while any(m["failure"] for m in status(members[0])["members"]):
            time.sleep(0.2)
    show("two replicas, 4 connections, p99", healthy)
    show("one of them stopped a second ago, p99", frozen, healthy)
    quiet, split = load(members[0], 4, options, bodies)["p99"], []
    took = []

    def search():
        split.append(load(members[0], 4, options, bodies)["p99"])

    searching = threading.Thread(target=search)
    searching.start()
    begun = time.monotonic()
    members[0].ctl("--timeout", "600", "cluster", "split", INDEX, "2/2")
    took.append(time.monotonic() - begun)
    searching.join()
    show("before a split, 4 connections, p99", [quiet])
    show(f"while it goes on, {took[0]:.1f} s, p99", split, [quiet])


if __name__ == "__main__":
    main()
