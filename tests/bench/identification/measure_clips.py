#!/usr/bin/env python3
"""Names the clips that draw_clips.py has drawn, by a node and fpctl, and prints the table of tests/bench/README.md.

    tests/bench/identification/measure_clips.py FOLDER [--build build] [--no-phone] [--kind KIND]... [--options OPTIONS]

Starts a node of its own, adds FOLDER/library to an index and to a library of recordings (and to the index of the
telephone's band), identifies every kind of clips in one call and each eighth clip in a call of its own, with the OPTIONS,
and writes FOLDER/answers.json.
"""

import argparse
import json
import os
import pathlib
import resource
import shlex
import shutil
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "system"))
UNKNOWN = {"unknown", "silence", "noise", "speech", "repeating"}


def processor_s():
    """What ended children, and theirs, have used of the processors: fpctl and ffmpeg, not the node."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--no-phone", action="store_true", help="make no index of the telephone's band")
    parser.add_argument("--kind", action="append", help="of these kinds alone")
    parser.add_argument("--options", type=shlex.split, default=[], help="of fpctl identify, in one word")
    options = parser.parse_args()
    drawn = json.loads((options.folder / "clips.json").read_text())
    work = options.folder / "node"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    library = work / "library.sqlite"
    os.environ["FPNODE_BUILD"] = str(options.build.resolve())
    import support
    node = support.Node(work / "data")
    try:
        def fpctl(*words):
            done = support.run_ctl(node.port, *words)
            # 5: something was not found.
            if done.returncode not in (0, 5):
                sys.exit(f"fpctl {' '.join(map(str, words))}: {done.returncode} {done.stderr}")
            return done

        began = time.monotonic()
        fpctl("add", "music", options.folder / "library", "--library", library)
        print(f"added the library in {time.monotonic() - began:.1f} s")
        if not options.no_phone:
            began = time.monotonic()
            fpctl("add", "music", options.folder / "library", "--library", library, "--form", "phone")
            print(f"added it in the telephone's band in {time.monotonic() - began:.1f} s")
        clips = [c for c in drawn["clips"] if not options.kind or c["kind"] in options.kind]
        answers = {}
        for kind in dict.fromkeys(c["kind"] for c in clips):
            files = [str(options.folder / c["file"]) for c in clips if c["kind"] == kind]
            began, before = time.monotonic(), processor_s()
            done = fpctl("identify", "music", *files, "--library", library, "--json", *options.options)
            elapsed, processor = time.monotonic() - began, processor_s() - before
            for answer in json.loads(done.stdout):
                answers[answer["file"]] = answer
            answers[kind] = [elapsed / len(files), processor / len(files)]
        singles = []
        for c in clips[::8]:
            began = time.monotonic()
            fpctl("identify", "music", options.folder / c["file"], "--library", library, *options.options)
            singles.append(time.monotonic() - began)
    finally:
        node.stop()
    (options.folder / "answers.json").write_text(json.dumps(answers, indent=1))
    report(options.folder, clips, answers, singles)


def report(folder, clips, answers, singles):
    rows, late, elsewhere = {}, 0, 0
    places, named = [], 0
    for c in clips:
        row = rows.setdefault(c["kind"], {"clips": 0, "right": 0, "wrong": 0, "none": 0, "sure": 0, "sure wrong": 0, "worst": 0.0})
        answer = answers[str(folder / c["file"])]
        row["clips"] += 1
        if answer.get("verdict", "none") == "none":
            row["none"] += 1
            continue
        best = answer["results"][0]
        right = c["track"] is not None and pathlib.Path(best.get("path", "")).resolve() == (folder / "library" / c["track"]).resolve()
        row["right" if right else "wrong"] += 1
        sure = answer["verdict"] == "sure"
        row["sure"] += sure
        row["sure wrong"] += sure and not right
        row["worst"] = max(row["worst"], best.get("wrong_bits", 0))
        if right:
            named += 1
            off = abs(best["place_s"] - c["at_s"])
            places.append(off)
            late += off > 1
            elsewhere += off > 1 and any(abs(p - c["at_s"]) <= 1 for p in best.get("other_places_s", []))
    print("\n| clip | clips | right / wrong / none | sure (wrong) | most wrong bits | ms a clip | of processor |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for kind, r in rows.items():
        print(f"| {kind} | {r['clips']} | {r['right']} / {r['wrong']} / {r['none']} | {r['sure']} ({r['sure wrong']}) | "
              f"{r['worst']:.3f} | {answers[kind][0] * 1000:.0f} | {answers[kind][1] * 1000:.0f} |")
    known = [r for kind, r in rows.items() if kind not in UNKNOWN]
    seven = [rows[k] for k in ("10s", "5s", "mp3-64k", "opus-16k", "noise-10dB", "faster-3%", "telephone") if k in rows]
    for name, chosen in (("all known", known), ("the 210 of the note's kinds", seven)):
        print(f"{name}: {sum(r['right'] for r in chosen)} of {sum(r['clips'] for r in chosen)} right, "
              f"{sum(r['wrong'] for r in chosen)} wrong")
    unknown = [r for kind, r in rows.items() if kind in UNKNOWN]
    print(f"unknown: {sum(r['none'] for r in unknown)} of {sum(r['clips'] for r in unknown)} without a name, "
          f"{sum(r['sure wrong'] for r in rows.values())} wrong names are sure")
    if places:
        print(f"place within 1 s: {named - late} of {named} (median {statistics.median(places):.3f} s); of the "
              f"others, {elsewhere} name it as another place with the same music")
    print(f"a query in a call of its own: median {statistics.median(singles) * 1000:.0f} ms, of {len(singles)}")


if __name__ == "__main__":
    main()
