"""Prints the quickstart's closing table from the JSON that fpctl wrote: ingest, parallel and sequential load, clips."""

import json
import sys

ingest, parallel, sequential, clips = (json.load(open(name)) for name in sys.argv[1:5])

rows = [
    ("tracks ingested", f"{ingest['documents']}"),
    ("documents per second", f"{ingest['documents'] * 1e6 / ingest['elapsed_us']:,.0f}"),
    ("segments, bytes", f"{parallel['segments_total']}, {parallel['bytes_total']:,}"),
    ("loaded in parallel in", f"{parallel['segments_us'] / 1000:.1f} ms ({parallel['strategy']})"),
    ("loaded sequentially in", f"{sequential['segments_us'] / 1000:.1f} ms ({sequential['strategy']}; "
                               "so few bytes gain nothing from more loaders, see the benchmarks)"),
]
least = {"mp3_64k": 0.99, "speed1": 0.99, "noise": 0.98, "clip30": 0.98}
short = []
found = clips["expected"]["labels"]
for label, wanted in least.items():
    shown = min(found[label]["share"], 0.999) if found[label]["matched"] < found[label]["queries"] else 1
    rows.append((f"clips identified, {label}",
                 f"{shown:.1%} of {found[label]['queries']} (at least {wanted:.0%} expected)"))
    if found[label]["share"] < wanted:
        short.append(label)

width = max(len(name) for name, _ in rows)
print("\n== result")
for name, value in rows:
    print(f"  {name:<{width}}  {value}")
if short:
    sys.exit(f"too few clips were identified: {', '.join(short)}")
