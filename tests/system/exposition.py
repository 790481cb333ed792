"""Reads Prometheus' text format 0.0.4, strictly: what it does not allow is an error.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import math
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
TYPES = {"counter", "gauge", "histogram", "summary", "untyped"}
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("", "_sum", "_count")}


class Exposition:
    """Families by name (`types`, `help`), and the samples: {name: {labels as a frozenset of pairs: value}}."""

    def __init__(self, text):
        if not text.endswith("\n"):
            raise ValueError("the last line does not end")
        self.types, self.help, self.samples = {}, {}, {}
        closed, family = set(), None
        for line in text.splitlines():
            if line.startswith("# "):
                kind, name, rest = (line[2:].split(" ", 2) + [""])[:3]
                if kind not in ("HELP", "TYPE"):
                    continue
                if not re.fullmatch(NAME, name):
                    raise ValueError(f"no name: {line}")
                if name != family:
                    closed.add(family)
                    family = name
                    if name in closed:
                        raise ValueError(f"the lines of a family are not together: {line}")
                if kind == "HELP":
                    self._once(self.help, name, rest)
                else:
                    if rest not in TYPES:
                        raise ValueError(f"no type: {line}")
                    self._once(self.types, name, rest)
            elif line:
                self._sample(line, family)
        for name, kind in self.types.items():
            if kind == "histogram":
                self._check_histogram(name)

    @staticmethod
    def _once(table, name, value):
        if name in table:
            raise ValueError(f"twice: {name}")
        table[name] = value

    def _sample(self, line, family):
        match = SAMPLE.fullmatch(line)
        if not match:
            raise ValueError(f"no sample: {line}")
        name, inner, value = match.groups()
        if family is None or name not in [family + s for s in SUFFIXES.get(self.types.get(family), ("",))]:
            raise ValueError(f"not of family {family}: {line}")
        labels, at = {}, 0
        while inner and at < len(inner):
            label = LABEL.match(inner, at)
            if not label:
                raise ValueError(f"no label: {line}")
            unescaped = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], label[2])
            self._once(labels, label[1], unescaped)
            at = label.end()
        number = float(value)
        self._once(self.samples.setdefault(name, {}), frozenset(labels.items()), number)

    def _check_histogram(self, name):
        series = {}
        for labels, count in self.samples.get(name + "_bucket", {}).items():
            bound = float(dict(labels)["le"])
            series.setdefault(frozenset(p for p in labels if p[0] != "le"), []).append((bound, count))
        for labels, buckets in series.items():
            buckets.sort()
            counts = [c for _, c in buckets]
            if buckets[-1][0] != math.inf or counts != sorted(counts):
                raise ValueError(f"{name} {dict(labels)}: buckets {buckets}")
            if self.samples[name + "_count"][labels] != counts[-1] or labels not in self.samples[name + "_sum"]:
                raise ValueError(f"{name} {dict(labels)}: sum or count do not fit")

    def value(self, sample, /, **labels):
        """The value of the one sample with exactly these labels."""
        return self.samples[sample][frozenset(labels.items())]

    def has(self, sample, /, **labels):
        return frozenset(labels.items()) in self.samples.get(sample, {})

    def label_values(self, label):
        return {v for series in self.samples.values() for labels in series for k, v in labels if k == label}

    def labels_of(self, sample):
        """The names of all labels that samples of this name have."""
        return {k for labels in self.samples.get(sample, {}) for k, _ in labels}
