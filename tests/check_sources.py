#!/usr/bin/env python3
"""Checks what no compiler does: includes run app -> actors -> messages -> core and never in a circle, the servers in
app/ include nothing with actors, who uses algorithms includes them, units that may be compiled as one share no names,
clang-format changes nothing, files of actors/ are short, and what documents link to or name by its path is there. Prints every violation; exit code
1 when there is one.

    tests/check_sources.py            checks
    tests/check_sources.py --format   formats instead
"""

import collections
import pathlib
import posixpath
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# A room may include itself and what stands before it.
ROOMS = ["core", "messages", "actors", "app"]
# The rooms of app/ that know no actors, and what else of app/ they may include. Of the others only core/.
SERVERS = {"app/changelog": ["app/parallel"], "app/tcp": [], "app/tls": [], "app/library": [], "app/parallel": [], "app/process": [],
           "app/audio": ["app/parallel", "app/process"],
           "app/identify": ["app/audio"], "app/http": ["app/tcp", "app/tls"], "app/line": ["app/tcp"]}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
CAF = re.compile(r'^\s*#\s*include\s+[<"]caf/', re.MULTILINE)
# Units of one target, of those that `fpnode_unity` names.
COMPILED_TOGETHER = re.compile(r"core/(?!search/|segment/)|actors/|app/(?!audio/|identify/|process/|tcp/|tls/)\w+/"
                               r"|tests/actors/|tests/core/|tests/app/")
ANONYMOUS = re.compile(r"^namespace \{\n(.*?)^\}  // namespace$", re.MULTILINE | re.DOTALL)
DEFINED = re.compile(r"^(?:(?:class|struct|enum class|enum) |(?!using|template|namespace|class|struct|enum|TEST)"
                     r"\w[\w:<>,&* ]*?[ &*])(?P<name>\w+)(?P<parameters>\([^;{}]*?\))?(?= *[={;\[]| :| (?:const|noexcept|final)\b)",
                     re.MULTILINE)
LONGEST_ACTOR = 350
FORMATTED_BY = 14
PARAMETER_NAME = re.compile(r"(?<=[ &*])\w+(?: = [^,]*)?\)?$")
# What <algorithm> alone declares. Other headers of one library or another happen to bring it along.
ALGORITHM = re.compile(r"\bstd::(?:min|max|clamp|(?:ranges::)?(?:(?:stable_|partial_)?sort|find(?:_if(?:_not)?)?|(?:any|all|none)_of"
                       r"|count(?:_if)?|copy(?:_n|_if)?|fill(?:_n)?|transform|reverse|rotate|unique|(?:lower|upper)_bound"
                       r"|equal_range|binary_search|partition(?:_point)?|nth_element|(?:min|max|minmax)_element|equal|mismatch"
                       r"|is_sorted|adjacent_find|search|for_each|generate|shuffle|set_(?:difference|union|intersection)"
                       r"|includes|merge|remove_if|replace|swap_ranges|starts_with|ends_with|lexicographical_compare))\(")
COMMENT = re.compile(r"//.*")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
QUOTED = re.compile(r"`[^`]*`")
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
PATH = re.compile(r"`(?![^`]*NAME)((?:actors|app|cmake|config|core|messages|tests)/[\w./-]+)`")
LINK = re.compile(r"\]\(([^)\s]*)\)")


def files(*patterns):
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", *patterns], cwd=ROOT, check=True,
                           capture_output=True, text=True).stdout.split()
    return [name for name in names if (ROOT / name).exists()]


def contents(*patterns):
    return {name: (ROOT / name).read_text() for name in files(*patterns)}


def wrong_directions(texts):
    for name, text in texts.items():
        room, part = name.partition("/")[0], posixpath.dirname(name)
        if room not in ROOMS:
            continue
        for included in INCLUDE.findall(text):
            target = included.partition("/")[0]
            if included not in texts and target != "generated":
                yield f'{name}: "{included}" is no file of the project'
            elif target not in ROOMS[:ROOMS.index(room) + 1]:
                yield f"{name}: {room} must not include {included}"
            elif part in SERVERS and target != "core" and posixpath.dirname(included) not in [part, *SERVERS[part]]:
                yield f"{name}: {part} must not include {included}"
        if (room == "core" or part in SERVERS) and CAF.search(text):
            yield f"{name}: {room if room == 'core' else part} must not include CAF"


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


def missing_headers(texts):
    for name, text in texts.items():
        own = texts.get(name[:-4] + ".hpp", "") if name.endswith(".cpp") else ""
        used = ALGORITHM.search(COMMENT.sub("", text))
        if used and "#include <algorithm>" not in text + own:
            yield f"{name}: {used.group()[:-1]} wants <algorithm>"


def shared_names(texts):
    """Names in anonymous namespaces of two units that a build may compile as one. Overloads, and one alias for the same
    type, do no harm."""
    defined = collections.defaultdict(set)
    for name, text in texts.items():
        batch = COMPILED_TOGETHER.match(name)
        for body in ANONYMOUS.findall(text) if batch and name.endswith(".cpp") else []:
            for found in DEFINED.finditer(body):
                parameters = [PARAMETER_NAME.sub("", p.strip()) for p in (found["parameters"] or "").split(",")]
                defined[batch.group(), found["name"], *parameters].add(name)
    for (_, name, *_), units in sorted(defined.items()):
        if len(units) > 1:
            yield f"{name} is defined in {' and '.join(sorted(units))}, which may be compiled as one"


def long_actors(texts):
    """An actor holds a conversation; what is decided in it belongs into a plain class."""
    for name, text in texts.items():
        if name.startswith("actors/") and text.count("\n") > LONGEST_ACTOR:
            yield f"{name} has more than {LONGEST_ACTOR} lines"


def unformatted(texts):
    version = subprocess.run(["clang-format", "--version"], capture_output=True, text=True).stdout
    if f"version {FORMATTED_BY}." not in version:
        print(f"formatting is not checked: it is that of clang-format {FORMATTED_BY}, and this is {version.strip()}")
        return
    result = subprocess.run(["clang-format", "--dry-run", "--Werror", *texts], cwd=ROOT, capture_output=True, text=True)
    if result.returncode != 0:
        yield from sorted({line.partition(":")[0] + ": clang-format would change it"
                           for line in result.stderr.splitlines() if "code should be clang-formatted" in line})


def anchors(document):
    """The anchors of a document's headings, as GitHub makes them: small letters, no punctuation, numbers where a heading
    comes again."""
    seen = collections.Counter()
    for heading in HEADING.findall(FENCED.sub("", document)):
        shown = LINK.sub("]", heading).replace("`", "")
        anchor = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        yield f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor
        seen[anchor] += 1


def dead_links(documents, names):
    known = set(names) | {folder.as_posix() for name in names for folder in pathlib.PurePosixPath(name).parents}
    for name, text in documents.items():
        for link in LINK.findall(QUOTED.sub("", FENCED.sub("", text))):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
            if target not in known:
                yield f"{name}: no file at {link}"
            elif anchor and anchor not in anchors(documents.get(target, "")):
                yield f"{name}: no heading at {link}"


def named_paths(documents, names):
    """Paths below the project's folders that a document names between backquotes, from the project's root or from where the
    document is, with or without the ending of a source."""
    known = set(names) | {folder.as_posix() for name in names for folder in pathlib.PurePosixPath(name).parents}
    for name, text in documents.items():
        for path in PATH.findall(text):
            beside = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
            if not {path.rstrip("/"), beside, path + ".cpp", path + ".hpp", beside + ".cpp", beside + ".hpp"} & known:
                yield f"{name}: there is no {path}"


def main():
    texts = contents("*.cpp", "*.hpp")
    if "--format" in sys.argv[1:]:
        return subprocess.run(["clang-format", "-i", *texts], cwd=ROOT).returncode
    documents, names = contents("*.md"), files()
    wrong = [*wrong_directions(texts), *circles(texts), *missing_headers(texts), *shared_names(texts), *long_actors(texts),
             *unformatted(texts), *dead_links(documents, names), *named_paths(documents, names)]
    print("\n".join(wrong) or f"{len(texts)} sources and {len(documents)} documents are in order")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
