"""Metrics, history, and the files of config/ that watch a node by them, against a real node."""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time
import unittest

import msgpack
import requests

from certificates import Authority
from exposition import Exposition
from support import ROOT, HeldFiles, NodeTest

# Nothing happens by age; segments merge when asked.
MANUAL = ["--checkpoint-age-ms", "0", "--idle-merge-after-ms", "0", "--segments-per-level", "64",
          "--max-dead-share", "100", "--parallel-threshold", "3"]

# The contract's names and types: of every index,
OF_AN_INDEX = {
    "fpindex_searches_total": "counter",
    "fpindex_search_hits_total": "counter",
    "fpindex_search_misses_total": "counter",
    "fpindex_updates_total": "counter",
    "fpindex_docs": "gauge",
    "fpindex_version": "gauge",
}
# of an index to which it has happened,
OF_A_USED_INDEX = {
    "fpindex_search_duration_seconds": "histogram",
    "fpindex_checkpoints_total": "counter",
    "fpindex_memory_segment_merges_total": "counter",
    "fpindex_file_segment_merges_total": "counter",
    "fpindex_parallel_loading_total": "counter",
    "fpindex_sequential_loading_total": "counter",
    "fpindex_segment_load_failures_total": "counter",
    "fpindex_loaded_bytes_total": "counter",
    "fpindex_scrubbed_bytes_total": "counter",
    "fpindex_scrubs_total": "counter",
    "fpindex_damaged_segments": "gauge",
    "fpindex_unverified_segments": "gauge",
}
# and of all indexes together.
OF_ALL_INDEXES = {
    "fpindex_scanned_docs_per_hash": "histogram",
    "fpindex_startup_duration_seconds": "histogram",
    "fpindex_parallel_segment_count": "histogram",
    "fpindex_segment_load_duration_seconds": "histogram",
}
# What the dashboards of fpindex ask for, and ours by other names.
BY_OTHER_NAMES = {
    "fpindex_scanned_blocks_per_hash": "histogram",
    "fpindex_memory_merges_total": "counter",
    "fpindex_file_merges_total": "counter",
}
# What a node shows that has TLS.
WITH_TLS = {"fpindex_certificate_expiry_timestamp_seconds"}
# Labels of what has not happened yet, with the values that they may have.
LABELS = {
    "index": None,
    "state": {"loading", "ready", "read_only", "failed", "closing", "filling", "following", "waiting", "parked"},
    "kind": {"file", "memory"},
    "task": {"load", "checkpoint", "memory_merge", "file_merge"},
    "request": {"search", "search_batch", "update"},
    "reason": {"search_timeout", "cancelled", "overloaded", "version_mismatch", "read_only", "io_error", "no_space",
               "internal_error"},
}
OF_THE_PROCESS = {
    "process_resident_memory_bytes": "gauge",
    "process_virtual_memory_bytes": "gauge",
    "process_open_fds": "gauge",
    "process_max_fds": "gauge",
    "process_cpu_seconds_total": "counter",
    "process_start_time_seconds": "gauge",
    "fpindex_disk_available_bytes": "gauge",
    "fpindex_disk_size_bytes": "gauge",
    "fpindex_http_buffered_bytes": "gauge",
    "fpindex_http_max_buffered_bytes": "gauge",
}


class MetricsTest(NodeTest):
    def setUp(self):
        super().setUp()
        self.http = requests.Session()
        self.addCleanup(self.http.close)

    def call(self, node, method, path, body=None, expect=200, **kwargs):
        answer = self.http.request(method, node.url(path), json=body, timeout=60, **kwargs)
        self.assertEqual(answer.status_code, expect, answer.text)
        return answer

    def update(self, node, index, *documents, expect=200, **fields):
        changes = [{"insert": {"id": i, "hashes": hashes}} for i, hashes in documents]
        return self.call(node, "POST", f"/{index}/_update", {"changes": changes, **fields}, expect)

    def search(self, node, index, *hashes, expect=200, **fields):
        return self.call(node, "POST", f"/{index}/_search", {"query": hashes, **fields}, expect)

    def scrape(self, node):
        answer = self.call(node, "GET", "/_metrics")
        self.assertEqual(answer.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        return Exposition(answer.text)

    def make_segments(self, node, index, count):
        """An index of `count` file segments of two documents each."""
        self.call(node, "PUT", f"/{index}")
        for i in range(1, count + 1):
            self.update(node, index, (2 * i, [2 * i, 999]), (2 * i + 1, [2 * i + 1, 999]))
            node.ctl("checkpoint", index)

    def segment_files(self, index):
        return sorted((self.folder / "data" / index / "v1" / "data").glob("*.seg"))


class Metrics(MetricsTest):
    def test_what_was_done_is_counted(self):
        node = self.start(*MANUAL)
        self.make_segments(node, "main", 3)
        for wanted in 2, 3, 999:
            self.assertTrue(self.search(node, "main", wanted).json()["results"])
        self.assertFalse(self.search(node, "main", 123456).json()["results"])
        self.update(node, "main", (50, [1]), expected_version=1, expect=409)
        self.update(node, "main", (2, [7777]))
        self.call(node, "DELETE", "/main/3")
        node.ctl("search", "main", "5")
        e = self.scrape(node)
        self.assertEqual(e.value("fpindex_searches_total", index="main"), 5)
        self.assertEqual(e.value("fpindex_search_hits_total", index="main"), 4)
        self.assertEqual(e.value("fpindex_search_misses_total", index="main"), 1)
        self.assertEqual(e.value("fpindex_search_duration_seconds_count", index="main"), 5)
        self.assertEqual(e.value("fpindex_node_search_duration_seconds_count"), 5)
        self.assertEqual(e.value("fpindex_scanned_docs_per_hash_count"), 5)
        self.assertEqual(e.value("fpindex_scanned_docs_per_hash_sum"), 1 + 1 + 6 + 0 + 1)
        self.assertEqual(e.value("fpindex_scanned_blocks_per_hash_sum"), 3 + 3 + 3 + 3 + 5)
        self.assertEqual(e.value("fpindex_actor_requests_total", index="main", request="search"), 1)
        self.assertEqual(e.value("fpindex_updates_total", index="main"), 5)
        self.assertEqual(e.value("fpindex_update_failures_total", index="main", reason="version_mismatch"), 1)
        self.assertEqual(e.value("fpindex_version", index="main"), 5)
        self.assertEqual(e.value("fpindex_file_version", index="main"), 3)
        self.assertEqual(e.value("fpindex_docs", index="main"), 5)
        self.assertEqual(e.value("fpindex_checkpoints_total", index="main"), 3)
        self.assertEqual(e.value("fpindex_checkpoint_duration_seconds_count"), 3)
        self.assertEqual(e.value("fpindex_segments", index="main", kind="file"), 3)
        self.assertEqual(e.value("fpindex_segments", index="main", kind="memory"), 2)
        on_disk = sum(f.stat().st_size for f in self.segment_files("main"))
        self.assertEqual(e.value("fpindex_segment_bytes", index="main", kind="file"), on_disk)
        oplog = sum(f.stat().st_size for f in (self.folder / "data/main/v1/oplog").glob("*.log"))
        self.assertEqual(e.value("fpindex_oplog_bytes", index="main"), oplog)
        self.assertEqual(e.value("fpindex_index_state", index="main", state="ready"), 1)
        self.assertFalse(e.has("fpindex_index_state", index="main", state="failed"))
        self.assertEqual(e.value("fpindex_http_requests_in_flight"), 1)
        self.assertGreaterEqual(e.value("fpindex_http_connections"), 1)
        self.assertEqual(e.value("fpindex_http_buffered_bytes"), 0)
        self.assertEqual(e.value("fpindex_http_max_buffered_bytes"), 256 << 20)
        latency = "fpindex_http_request_duration_seconds_count"
        self.assertEqual(e.value(latency, method="POST", route="/:index/_search", status="200"), 4)
        self.assertEqual(e.value(latency, method="POST", route="/:index/_update", status="200"), 4)
        self.assertEqual(e.value(latency, method="POST", route="/:index/_update", status="409"), 1)
        self.assertEqual(e.value(latency, method="DELETE", route="/:index/:id", status="200"), 1)
        self.assertEqual(e.value(latency, method="PUT", route="/:index", status="200"), 1)

        node.ctl("checkpoint", "main")
        node.ctl("merge", "main")
        e = self.scrape(node)
        self.assertEqual(e.value("fpindex_file_segment_merges_total", index="main"), 1)
        self.assertEqual(e.value("fpindex_file_merges_total"), 1)
        self.assertEqual(e.value("fpindex_merge_duration_seconds_count", kind="file"), 1)
        self.assertEqual(e.value("fpindex_segments", index="main", kind="file"), 1)
        self.assertFalse(e.has("fpindex_segments", index="main", kind="memory"))
        self.assertFalse(e.has("fpindex_oldest_memory_commit_timestamp_seconds", index="main"))
        self.assertEqual(e.value(latency, method="GET", route="/_metrics", status="200"), 1)

    def test_loading_and_failing(self):
        node = self.start(*MANUAL)
        for index, segments in {"few": 2, "many": 5, "bad": 3}.items():
            self.make_segments(node, index, segments)
        self.assertEqual(node.stop(), 0)
        sizes = {i: sum(f.stat().st_size for f in self.segment_files(i)) for i in ("few", "many")}
        victim = self.segment_files("bad")[1]
        victim.write_bytes(victim.read_bytes()[:-1])
        node = self.start(*MANUAL)
        for index in "few", "many":
            node.json("watch", index)
        node.json("watch", "bad", check=1)
        self.search(node, "bad", 1, expect=503)
        e = self.scrape(node)
        for index, parallel in {"few": 0, "many": 1}.items():
            strategies = {s: e.has(f"fpindex_{s}_loading_total", index=index) for s in ("parallel", "sequential")}
            self.assertEqual(strategies, {"parallel": bool(parallel), "sequential": not parallel})
            self.assertEqual(e.value("fpindex_loaded_bytes_total", index=index), sizes[index])
            self.assertFalse(e.has("fpindex_segment_load_failures_total", index=index))
        self.assertEqual(e.value("fpindex_parallel_segment_count_sum"), 5 + 3)
        self.assertGreaterEqual(e.value("fpindex_segment_load_duration_seconds_count"), 5 + 2)
        self.assertEqual(e.value("fpindex_segment_load_failures_total", index="bad"), 1)
        self.assertEqual(e.value("fpindex_load_failures_total", index="bad"), 1)
        self.assertEqual(e.value("fpindex_startup_duration_seconds_count"), 2)
        self.assertEqual(e.value("fpindex_index_state", index="bad", state="failed"), 1)
        self.assertFalse(e.has("fpindex_index_state", index="bad", state="ready"))
        self.assertEqual(e.value("fpindex_docs", index="bad"), 0)
        latency = "fpindex_http_request_duration_seconds_count"
        self.assertEqual(e.value(latency, method="POST", route="/:index/_search", status="503"), 1)

    def test_the_process(self):
        node = self.start(*MANUAL)
        before = time.time()
        e = self.scrape(node)
        for name, kind in {**OF_THE_PROCESS, **BY_OTHER_NAMES}.items():
            self.assertEqual(e.types[name], kind)
        self.assertLess(abs(e.value("process_start_time_seconds") - before), 120)
        # The scrape's own look at the folder is not counted; connections may come and go.
        self.assertLess(abs(e.value("process_open_fds") - len(os.listdir(f"/proc/{node.process.pid}/fd"))), 3)
        self.assertEqual(e.label_values("version"), {node.json("status")["version"]})

    def test_a_deleted_index_is_shown_no_more(self):
        node = self.start(*MANUAL)
        for index in "kept", "gone":
            self.make_segments(node, index, 1)
            self.search(node, index, 2)
        self.assertEqual(self.scrape(node).label_values("index"), {"kept", "gone"})
        self.call(node, "DELETE", "/gone")
        self.assertEqual(self.scrape(node).label_values("index"), {"kept"})
        self.call(node, "PUT", "/gone")
        self.assertEqual(self.scrape(node).value("fpindex_searches_total", index="gone"), 0)

    def test_nothing_that_a_client_sends_becomes_a_label(self):
        node = self.start(*MANUAL)
        self.call(node, "GET", "/nobody_knows_me", expect=404)
        self.call(node, "GET", "/nobody_knows_me/_unheard_of", expect=404)
        self.call(node, "GET", "/a/b/c/unheard_of", expect=404)
        self.call(node, "UNHEARD", "/nobody_knows_me", expect=501)
        e = self.scrape(node)
        for label in "method", "route", "index", "status":
            self.assertFalse([v for v in e.label_values(label) if "nobody" in v.lower() or "unheard" in v.lower()])
        self.assertEqual(e.value("fpindex_http_refused_total", status="501"), 1)
        latency = "fpindex_http_request_duration_seconds_count"
        self.assertEqual(e.value(latency, method="GET", route="other", status="404"), 2)
        self.assertEqual(e.value(latency, method="GET", route="/:index", status="404"), 1)

    def test_methods(self):
        node = self.start(*MANUAL)
        head = self.call(node, "HEAD", "/_metrics")
        self.assertEqual(head.content, b"")
        self.assertEqual(head.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        self.call(node, "POST", "/_metrics", {}, expect=404)


class Documents(MetricsTest):
    """config/README.md tells of all metrics, and of no others."""

    def documented(self):
        """The names in its section, with the labels that it gives them."""
        text = (ROOT / "config/README.md").read_text()
        section = re.search(r"^## Metrics and alerts$(.*?)^`GET /:index/_history`", text, re.M | re.S).group(1)
        found = re.findall(r"`((?:fpindex|process)_[a-z0-9_]+)(?:\{([a-z_,]+)\})?`", section)
        # The prose before a table may mention what a row of it tells.
        return {name: set(filter(None, labels.split(","))) for name, labels in found}

    def test_names_and_labels(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            line_port = free.getsockname()[1]
        node = self.start(*MANUAL, "--legacy-port", line_port)
        self.make_segments(node, "main", 3)
        self.search(node, "main", 2)
        self.call(node, "UNHEARD", "/main", expect=501)
        node.ctl("search", "main", "5")
        node.ctl("merge", "main")
        e = self.scrape(node)
        documented = self.documented()
        self.assertEqual(set(documented) - WITH_TLS, set(e.types))
        for name, labels in documented.items():
            if name in WITH_TLS:
                continue
            suffix = "_count" if e.types[name] == "histogram" else ""
            for shown in e.samples.get(name + suffix, {}):
                self.assertEqual({label for label, _ in shown} - {"index"}, labels, name)


class History(MetricsTest):
    FIELDS = {"step_seconds", "searches", "updates", "search_p50_ms", "search_p95_ms", "search_p99_ms"}

    def test_the_last_minutes(self):
        node = self.start(*MANUAL)
        self.make_segments(node, "main", 1)
        # Steps end by the clock: go on until one has ended in which something was done.
        deadline = time.monotonic() + 60
        while True:
            self.assertLess(time.monotonic(), deadline)
            self.search(node, "main", 2)
            self.update(node, "main", (9, [9]))
            history = self.call(node, "GET", "/main/_history").json()
            if any(history["searches"]) and any(history["updates"]):
                break
        self.assertEqual(set(history), self.FIELDS)
        self.assertEqual(history["step_seconds"], 2)
        lengths = {len(history[f]) for f in self.FIELDS - {"step_seconds"}}
        self.assertEqual(len(lengths), 1)
        for rate, low, middle, high in zip(history["searches"], history["search_p50_ms"],
                                           history["search_p95_ms"], history["search_p99_ms"]):
            self.assertEqual(low is None, rate == 0)
            if low is not None:
                self.assertLess(0, low)
                self.assertLessEqual(low, middle)
                self.assertLessEqual(middle, high)

    def test_formats_and_methods(self):
        node = self.start(*MANUAL)
        self.call(node, "PUT", "/main")
        packed = self.call(node, "GET", "/main/_history", headers={"Accept": "application/vnd.msgpack"})
        self.assertEqual(packed.headers["Content-Type"], "application/vnd.msgpack")
        self.assertEqual(set(msgpack.unpackb(packed.content)), self.FIELDS)
        self.assertEqual(self.call(node, "HEAD", "/main/_history").content, b"")
        self.assertEqual(self.call(node, "GET", "/nobody/_history", expect=404).json(), {"error": "IndexNotFound"})
        self.call(node, "DELETE", "/main")
        self.call(node, "GET", "/main/_history", expect=404)
        self.call(node, "POST", "/main/_history", {}, expect=404)


# -- The files of config/

# What Prometheus adds to every sample.
OF_THE_TARGET = {"job", "instance"}
TOKEN = re.compile(r'\{(?:"[^"]*"|[^}"])*\}|"[^"]*"|[a-zA-Z_:][a-zA-Z0-9_:]*|\d[\w.]*|\S')
WORDS = {"and", "or", "unless", "bool", "offset"}


def selectors(expression):
    """The metrics that a PromQL expression reads, with the matchers of each: [(name, [(label, operator, value)])]."""
    plain = re.sub(r"\b(by|on|ignoring|without)\s*\([^)]*\)|\[[^\]]*\]", "", expression)
    tokens = TOKEN.findall(plain) + [""]
    found = []
    for token, following in zip(tokens, tokens[1:]):
        if re.match(r"[a-zA-Z_:]", token) and following != "(" and token not in WORDS:
            matchers = following if following.startswith("{") else ""
            found.append((token, re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"', matchers)))
    return found


def grouped_labels(expression):
    return {label.strip() for group in re.findall(r"\bby\s*\(([^)]*)\)", expression) for label in group.split(",")}


class WatchingFiles(MetricsTest):
    """Everything that the dashboard and the alert rules name is really exported."""

    def exported(self):
        """What nodes show that have done and suffered everything."""
        node = self.start(*MANUAL)
        self.make_segments(node, "main", 4)
        self.make_segments(node, "stuck", 1)
        self.assertEqual(node.stop(), 0)
        self.addCleanup(HeldFiles(self.folder / "data/stuck/v1/data/manifest.json").release)
        node = self.start(*MANUAL, "--scrub-interval-ms", 1000)
        node.json("watch", "main")
        self.search(node, "main", 2)
        self.update(node, "main", (9, [9]))
        node.ctl("checkpoint", "main")
        self.update(node, "main", (10, [10]))
        node.wait_for("main: scrub: ")
        e = Exposition(self.call(node, "GET", "/_metrics").text + self.certificate_metrics())
        self.assertTrue(e.has("fpindex_task_start_timestamp_seconds", index="stuck", task="load"))
        self.assertEqual(e.value("fpindex_index_state", index="stuck", state="loading"), 1)
        return e

    def certificate_metrics(self):
        """What a node with TLS shows besides."""
        authority = Authority(self.folder / "authority")
        certificate, key = authority.issue("node")
        node = self.start("--http-tls", "on", "--tls-certificate", certificate, "--tls-key", key, data="tls")
        text = self.http.get(f"https://127.0.0.1:{node.http_port}/_metrics", verify=False, timeout=60).text
        return "".join(line + "\n" for line in text.splitlines() if "fpindex_certificate_" in line)

    def rules(self):
        text = (ROOT / "config/fpnode-alerts.yml").read_text()
        # YAML of a known layout: no parser for it is among the packages.
        blocks = re.split(r"^      - alert: ", text, flags=re.M)[1:]
        rules = {}
        for block in blocks:
            lines = block.splitlines()
            start = next(i for i, line in enumerate(lines) if line.startswith("        expr:"))
            expression = [lines[start].split("expr:", 1)[1].strip().lstrip("|")]
            for line in lines[start + 1:]:
                if not line.startswith("          "):
                    break
                expression.append(line.strip())
            rules[lines[0].strip()] = (" ".join(expression).strip(), block)
        return rules

    def check(self, e, where, expression, shown_labels=()):
        known = set(e.samples) | set(e.types) | {"up"}
        labels = set(OF_THE_TARGET)
        found = selectors(expression)
        self.assertTrue(found, f"{where}: no metric in {expression}")
        for name, matchers in found:
            self.assertIn(name, known, f"{where}: {expression}")
            own = (e.labels_of(name) or set(LABELS)) | OF_THE_TARGET
            labels |= own
            for label, operator, value in matchers:
                self.assertIn(label, own, f"{where}: {name} in {expression}")
                if label in ("state", "kind", "task", "reason"):
                    for one in value.split("|"):
                        self.assertIn(one, LABELS[label], f"{where}: {expression}")
                if label == "route":
                    self.assertTrue(value.startswith("/:index/") or value.startswith("/_"))
        for label in grouped_labels(expression) | set(shown_labels):
            self.assertIn(label, labels, f"{where}: {expression}")

    def test_the_dashboard(self):
        dashboard = json.loads((ROOT / "config/grafana-dashboard.json").read_text())
        e = self.exported()
        variables = {v["name"]: v for v in dashboard["templating"]["list"]}
        self.assertEqual(variables["datasource"]["type"], "datasource")
        for name in "instance", "index":
            query, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variables[name]["query"]["query"]).groups()
            self.assertEqual(label, name)
            self.check(e, f"variable {name}", query)
        panels = [p for p in dashboard["panels"] if p["type"] != "row"]
        self.assertEqual(len({p["id"] for p in dashboard["panels"]}), len(dashboard["panels"]))
        shown = set()
        for panel in panels:
            self.assertEqual(panel["datasource"]["uid"], "${datasource}")
            for target in panel["targets"]:
                self.check(e, panel["title"], target["expr"],
                           re.findall(r"\{\{\s*(\w+)\s*\}\}", target["legendFormat"]))
                shown |= {name for name, _ in selectors(target["expr"])}
        # Everything of the contract has a panel.
        for name, kind in {**OF_AN_INDEX, **OF_A_USED_INDEX, **OF_ALL_INDEXES, **OF_THE_PROCESS}.items():
            wanted = {name, name + "_bucket", name + "_count"} if kind == "histogram" else {name}
            self.assertTrue(wanted & shown, f"no panel shows {name}")

    def test_the_alert_rules(self):
        e = self.exported()
        rules = self.rules()
        self.assertGreater(len(rules), 10)
        for name, (expression, block) in rules.items():
            shown = re.findall(r"\$labels\.(\w+)", block)
            self.check(e, name, expression, shown)
            for part in "severity:", "summary:", "description:":
                self.assertIn(part, block)

    def test_the_contract_is_exported(self):
        e = self.exported()
        for name, kind in {**OF_AN_INDEX, **OF_A_USED_INDEX, **OF_ALL_INDEXES, **OF_THE_PROCESS}.items():
            with self.subTest(name):
                self.assertEqual(e.types[name], kind)
                self.assertTrue(e.help[name])
                indexes = {dict(labels).get("index") for sample in [name + s for s in ("", "_bucket", "_sum", "_count")]
                           for labels in e.samples.get(sample, {})}
                if name in OF_AN_INDEX:
                    self.assertEqual(indexes, {"main", "stuck"})
                elif name in OF_A_USED_INDEX:
                    self.assertLessEqual(indexes, {"main"})
                else:
                    self.assertEqual(indexes, {None})
        for name in "fpindex_search_duration_seconds_bucket", "fpindex_checkpoints_total", "fpindex_loaded_bytes_total":
            self.assertTrue(e.samples[name])

    def test_a_check_finds_what_is_not_exported(self):
        e = self.exported()
        for expression in ('fpindex_no_such_thing{index="a"} > 0', 'rate(fpindex_searches_total{nothing="a"}[5m])',
                           "sum by (nothing) (fpindex_docs)", 'fpindex_index_state{state="sad"} == 1'):
            with self.subTest(expression), self.assertRaises(AssertionError):
                self.check(e, "", expression)

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed")
    def test_promtool_accepts_the_files(self):
        done = subprocess.run(["promtool", "check", "config", ROOT / "config/prometheus.yml"], capture_output=True,
                              text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed")
    def test_the_alerts_fire_when_they_should(self):
        rules = pathlib.Path(__file__).with_name("alert_rules.yml")
        done = subprocess.run(["promtool", "test", "rules", rules], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed")
    def test_promtool_accepts_the_metrics(self):
        node = self.start(*MANUAL)
        self.make_segments(node, "main", 1)
        text = self.call(node, "GET", "/_metrics").text
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)


if __name__ == "__main__":
    unittest.main()
