#!/usr/bin/env python3
"""Makes one JSON file, a Markdown report and charts of the JSON lines that the benchmarks wrote."""

import argparse
import json
import os
import pathlib
import platform
import re
import subprocess
import time

from svg_chart import Axis, line_chart

INGEST_TARGET = 50_000


def read_lines(path):
    """Figures and series of all programs; of an id that was measured again the last one counts."""
    by_id = {}
    for line in path.read_text().splitlines():
        record = json.loads(line)
        by_id[record["id"]] = record
    records = list(by_id.values())
    return [r for r in records if "series" not in r], [r for r in records if "series" in r]


def machine():
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())
    return {"processor": cpu.group(1) if cpu else platform.machine(), "cores": os.cpu_count(),
            "memory_gib": round(int(memory.group(1)) / 2 ** 20, 1), "kernel": platform.release()}


def commit():
    git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True,
                         cwd=pathlib.Path(__file__).parent)
    return git.stdout.strip() or "unknown"


def number(value):
    size = abs(value)
    return f"{value:,.{0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3}f}"


def markdown(document):
    about = document["machine"]
    rows = [f"# Benchmarks of {document['commit']}, {document['date']}", "",
            f"{about['cores']} cores ({about['processor']}), {about['memory_gib']} GiB, Linux {about['kernel']}. "
            "Medians, smallest to largest in brackets; a ratio above 1 is better than the reference.", "",
            "| what | ours | reference | ratio | target | limit |", "| --- | --- | --- | --- | --- | --- |"]
    for f in document["figures"]:
        ratio, target = f["ratio"], f.get("target")
        verdict = "" if target is None else f"{target:.2f}{'' if ratio['median'] >= target else ': **missed**'}"
        rows.append(f"| {f['what']} | {number(f['ours']['median'])} {f['unit']} | "
                    f"{f['reference']['name']}: {number(f['reference']['median'])} | "
                    f"{ratio['median']:.2f} ({ratio['min']:.2f} to {ratio['max']:.2f}) | {verdict} | {f['limit']} |")
    return "\n".join(rows) + "\n"


def points(figures, pattern, x, side="ours"):
    """The medians of the figures whose ids match, over one of the things that they depend on."""
    return [(f["x"][x], f[side]["median"]) for f in figures if re.fullmatch(pattern, f["id"])]


def charts(figures, series):
    """SVG texts by file name, of what was measured."""
    out = {}

    def chart(name, title, x_axis, y_axis, lines):
        if any(p for _, p, _ in lines):
            out[name] = line_chart(title, x_axis, y_axis, lines)

    sizes = Axis("items in one segment", logarithmic=True)
    chart("latency-by-size.svg", "Searches of 100 hashes against the size of the index", sizes,
          Axis("microseconds a query", logarithmic=True),
          [("block layout", points(figures, r"search/uniform/\d+/1", "items", "reference"), True),
           ("fpnode, in files", points(figures, r"search/files/\d+/1", "items"), False),
           ("fpnode, in memory", points(figures, r"search/uniform/\d+/1", "items"), False)])

    largest = max((f["x"]["items"] for f in figures if f["id"].startswith("search/uniform/")), default=0)
    chart("latency-by-segments.svg", f"Searches of 100 hashes among {largest / 1e6:,.0f} M items",
          Axis("segments", logarithmic=True, ticks=[1, 2, 4, 8, 16, 32]),
          Axis("microseconds a query", logarithmic=True),
          [("block layout", points(figures, rf"search/uniform/{largest:.0f}/\d+", "segments", "reference"), True),
           ("fpnode", points(figures, rf"search/uniform/{largest:.0f}/\d+", "segments"), False)])

    reading = points(figures, r"loading/(mapped|read)/1", "pool", "reference")[:1]
    megabytes = max((f["x"]["bytes"] / 1e6 for f in figures if f["id"].startswith("loading/")), default=0)
    pools = Axis("loaders", logarithmic=True, ticks=[1, 2, 4, 8])
    chart("loading-by-pool.svg", f"Loading {megabytes:,.0f} MB in 8 segments, verified", pools, Axis("milliseconds"),
          [("read(2), one thread", [(pool, y) for pool in (1, 4) for _, y in reading], True),
           ("mapped", points(figures, r"loading/mapped/\d+", "pool"), False),
           ("read", points(figures, r"loading/read/\d+", "pool"), False)])

    rates = [(s["what"].removeprefix("ingest over ").removesuffix(", over time"), s["series"], False) for s in series
             if s["series"] and re.search(r"\bingest/.*/by-time$", s["id"])]
    if rates:
        end = max(x for _, p, _ in rates for x, _ in p)
        chart("ingest-over-time.svg", "Durable ingest, merges included", Axis("seconds"), Axis("documents a second"),
              rates + [("target", [(0, INGEST_TARGET), (end, INGEST_TARGET)], True)])

    chart("bytes-per-item.svg", "Bytes of an item, uniform 28-bit hashes, 100 a document",
          Axis("items", logarithmic=True), Axis("bytes"),
          [("block layout", points(figures, r"size/(uniform|files)/\d+/1", "items", "reference"), True),
           ("fpnode, whole file", points(figures, r"size/(uniform|files)/\d+/1", "items"), False),
           ("entropy of the set", points(figures, r"size/(uniform|files)/\d+/1/bound", "items", "reference"), True)])
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lines", type=pathlib.Path, help="the file that the benchmarks appended to")
    parser.add_argument("folder", type=pathlib.Path, help="where report.json, report.md and charts/ go")
    options = parser.parse_args()
    figures, series = read_lines(options.lines)
    document = {"commit": commit(), "date": time.strftime("%Y-%m-%d", time.gmtime()), "machine": machine(),
                "figures": figures, "series": series}
    options.folder.mkdir(parents=True, exist_ok=True)
    (options.folder / "report.json").write_text(json.dumps(document, indent=1) + "\n")
    (options.folder / "report.md").write_text(markdown(document))
    (options.folder / "charts").mkdir(exist_ok=True)
    for name, text in charts(figures, series).items():
        (options.folder / "charts" / name).write_text(text)


if __name__ == "__main__":
    main()
