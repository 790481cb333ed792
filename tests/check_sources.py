#!/usr/bin/env python3
"""Checks what no compiler does: includes run app -> actors -> messages -> core and never in a circle, and
clang-format changes nothing. Prints every violation; exit code 1 when there is one.

    tests/check_sources.py            checks
    tests/check_sources.py --format   formats instead
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# A room may include itself and what stands before it.
ROOMS = ["core", "messages", "actors", "app"]
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
CAF = re.compile(r'^\s*#\s*include\s+[<"]caf/', re.MULTILINE)


def sources():
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.cpp", "*.hpp"], cwd=ROOT, check=True, capture_output=True,
                           text=True).stdout.split()
    return {name: (ROOT / name).read_text() for name in names if (ROOT / name).exists()}


def wrong_directions(texts):
    for name, text in texts.items():
        room = name.partition("/")[0]
        if room not in ROOMS:
            continue
        for included in INCLUDE.findall(text):
            target = included.partition("/")[0]
            if included not in texts and target != "generated":
                yield f'{name}: "{included}" is no file of the project'
            elif target not in ROOMS[:ROOMS.index(room) + 1]:
                yield f"{name}: {room} must not include {included}"
        if room == "core" and CAF.search(text):
            yield f"{name}: core must not include CAF"


def circles(texts):
    includes = {name: [i for i in INCLUDE.findall(text) if i in texts] for name, text in texts.items()}
    done = set()

    def visit(name, way):
        if name in way:
            yield " -> ".join(way[way.index(name):] + [name])
            return
        if name in done:
            return
        for included in includes[name]:
            yield from visit(included, way + [name])
        done.add(name)

    for name in includes:
        yield from visit(name, [])


def unformatted(texts):
    result = subprocess.run(["clang-format", "--dry-run", "--Werror", *texts], cwd=ROOT, capture_output=True, text=True)
    if result.returncode != 0:
        yield from sorted({line.partition(":")[0] + ": clang-format would change it"
                           for line in result.stderr.splitlines() if "code should be clang-formatted" in line})


def main():
    texts = sources()
    if "--format" in sys.argv[1:]:
        return subprocess.run(["clang-format", "-i", *texts], cwd=ROOT).returncode
    wrong = [*wrong_directions(texts), *circles(texts), *unformatted(texts)]
    print("\n".join(wrong) or f"{len(texts)} sources are in order")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
