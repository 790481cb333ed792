#!/usr/bin/env python3
"""Measures searching over HTTP with wrk, against what the bare HTTP library answers with a fixed reply.

An index of uniform 28-bit hashes is filled through the node, queried by 120-hash searches (60 hashes of a document,
60 that are noise), and the two servers take turns. Run it by tests/bench/http/run.sh.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parents[2] / "build"
HASHES_PER_DOCUMENT = 100
QUERY_HASHES = 120
QUERIES = 5_000


def fill(port, items, queries):
    subprocess.run([BUILD / "fpbench_node", "fill", "--port", str(port), "--items", str(items), "--hashes",
                    str(HASHES_PER_DOCUMENT), "--queries", queries, "--num-queries", str(QUERIES)], check=True)


def load(port, queries, options):
    """One run of wrk."""
    out = subprocess.run(
        ["wrk", "--threads", str(options.wrk_threads), "--connections", str(options.connections), "--duration",
         f"{options.seconds}s", "--timeout", "30s", "--script", HERE / "search.lua", f"http://127.0.0.1:{port}"],
        env=os.environ | {"FPNODE_QUERIES": str(queries)}, check=True, capture_output=True, text=True).stdout
    result = json.loads(re.search(r"^RESULT (.*)$", out, re.M).group(1))
    if result["failed"]:
        sys.exit(f"requests failed:\n{out}")
    result["per_second"] = result["requests"] * 1e6 / result["microseconds"]
    return result


def print_row(name, runs):
    def median(key):
        return statistics.median(run[key] for run in runs)
    print(f"| {name} | {median('per_second'):,.0f} | " +
          " | ".join(f"{median(p) / 1000:.2f}" for p in ("p50", "p90", "p99", "p999", "max")) + " |")


def spread(values):
    values = sorted(values)
    return {"min": values[0], "median": values[len(values) // 2], "max": values[-1]}


def append_figure(path, items, ours, reference, shares):
    figure = {"id": f"node/path/http/{items}", "what": "full path over HTTP", "unit": "requests/s",
              "ours": spread(run["per_second"] for run in ours),
              "reference": {"name": "bare library, fixed reply", **spread(run["per_second"] for run in reference)},
              "ratio": spread(shares), "target": 0.45, "limit": "the HTTP library itself", "x": {"items": items}}
    with open(path, "a") as out:
        out.write(json.dumps(figure) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=10_000_000, help="(hash, document) pairs in the index")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each server; medians count")
    parser.add_argument("--seconds", type=int, default=6, help="length of a turn")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2, help="I/O threads of both servers")
    parser.add_argument("--wrk-threads", type=int, default=1)
    parser.add_argument("--json", help="file to append the figure to, as a JSON line")
    options = parser.parse_args()
    documents = options.items // HASHES_PER_DOCUMENT
    with tempfile.TemporaryDirectory(prefix="fpnode-load-") as name:
        folder = pathlib.Path(name)
        queries = folder / "queries"
        node = subprocess.Popen(
            [BUILD / "fpnode", "--dir", folder / "data", "--port", "0", "--caf-port", "0", "--http-threads",
             str(options.threads)], stderr=subprocess.PIPE, text=True)
        bare = None
        try:
            log = ""
            while "for remote actors" not in log:
                line = node.stderr.readline()
                if not line:
                    sys.exit(f"the node did not start:\n{log}")
                log += line
            http_port = int(re.search(r"for HTTP on \S+:(\d+)", log).group(1))
            caf_port = int(re.search(r"for remote actors on \S+:(\d+)", log).group(1))
            fill(caf_port, options.items, queries)
            body = queries.read_text().split("\n", 1)[0].encode()
            request = urllib.request.Request(f"http://127.0.0.1:{http_port}/main/_search", body,
                                             {"Content-Type": "application/json"})
            reply = urllib.request.urlopen(request, timeout=60).read()
            if not json.loads(reply)["results"]:
                sys.exit("a search found nothing")
            (folder / "reply").write_bytes(reply)
            bare = subprocess.Popen([BUILD / "fpbench_bare_server", str(options.threads), folder / "reply"],
                                    stdout=subprocess.PIPE, text=True)
            bare_port = int(bare.stdout.readline())
            ours, reference = [], []
            for turn in range(options.rounds + 1):
                a, b = load(http_port, queries, options), load(bare_port, queries, options)
                if turn > 0:  # the first turn warms up
                    ours.append(a)
                    reference.append(b)
            print(f"{documents * HASHES_PER_DOCUMENT:,} items, {QUERY_HASHES}-hash searches, {options.connections} "
                  f"connections, {options.threads} I/O threads, {options.rounds} turns of {options.seconds} s; medians\n")
            print("| server | requests/s | p50 ms | p90 ms | p99 ms | p99.9 ms | max ms |")
            print("| --- | --- | --- | --- | --- | --- | --- |")
            print_row("fpnode, searching", ours)
            print_row("bare library, fixed reply", reference)
            shares = sorted(a["per_second"] / b["per_second"] for a, b in zip(ours, reference))
            if options.json:
                append_figure(options.json, options.items, ours, reference, shares)
            print(f"\nfpnode answers {statistics.median(shares):.1%} of the bare library's requests "
                  f"({shares[0]:.1%} to {shares[-1]:.1%}).")
        finally:
            if bare:
                bare.kill()
                bare.wait()
            node.kill()
            node.communicate()


if __name__ == "__main__":
    main()
