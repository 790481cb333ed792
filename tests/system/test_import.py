"""Indexes of fpindex that a running node takes over, from the folder of a stopped server and over HTTP."""

import json
import shutil
import signal
import subprocess
import threading
import unittest

import requests

from http_server import QuietHandler, serve
from support import BUILD, DATA, PATIENCE, NodeTest, run_ctl

FPINDEX = DATA / "fpindex"
FOLDER = FPINDEX / "folder"
EXPECTED = json.loads((FPINDEX / "expected.json").read_text())
LOG = "v000001/oplog/0000000000000097.xlog"


class Server:
    """A running fpindex, as far as an import looks at it: `GET /NAME` and `GET /NAME/_snapshot`, in chunks. One that
    stalls stops in the middle of the stream, or before its first byte."""

    def __init__(self, test, stall=None):
        self.released = threading.Event()
        test.addCleanup(self.released.set)
        server = self

        class Handler(QuietHandler):
            def do_GET(self):
                name, _, what = self.path[1:].partition("/")
                if name not in EXPECTED or name == "gone":
                    self.send_error(404)
                elif not what:
                    body = json.dumps(EXPECTED[name]["info"]).encode()
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                elif what == "_snapshot":
                    self.stream((FPINDEX / f"{name}.snapshot").read_bytes())

            def stream(self, body):
                if stall == "head":
                    server.released.wait(PATIENCE)
                    return
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                cut = len(body) // 2 if stall in ("body", "cut") else len(body)
                for at in range(0, cut, 3000):
                    piece = body[at:min(at + 3000, cut)]
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
                self.close_connection = True
                if stall == "body":
                    server.released.wait(PATIENCE)
                elif stall != "cut":
                    self.wfile.write(b"0\r\n\r\n")

        self.url = serve(test, Handler)


class Import(NodeTest):
    def setUp(self):
        super().setUp()
        self.spool = self.folder / "spool"

    def imported(self, node, source, *flags, check=0):
        """What an import says of each index."""
        answer = node.json("import", source, "--spool", self.spool, *flags, check=check)
        self.assertEqual(list(self.spool.iterdir()), [])
        return {index["name"]: index for index in answer["indexes"]}

    def assert_answers(self, node, name, searches=True, versions=True):
        expected = EXPECTED[name]
        info = requests.get(node.url(f"/{name}"), timeout=PATIENCE).json()
        self.assertEqual(info["version"], expected["info"]["version"])
        self.assertEqual(info["metadata"], expected["info"]["metadata"])
        status = requests.get(node.url(f"/{name}/_status"), timeout=PATIENCE).json()
        self.assertEqual(status["generation"], expected["status"]["generation"])
        self.assertEqual(status["version"], expected["status"]["version"])
        for lookup in expected["lookups"]:
            answer = requests.get(node.url(f"/{name}/{lookup['id']}"), timeout=PATIENCE)
            self.assertEqual(answer.status_code, lookup["status"], lookup)
            if answer.ok and versions:
                self.assertEqual(answer.json(), lookup["answer"])
        if not searches:
            return 0
        for search in expected["searches"]:
            answer = requests.post(node.url(f"/{name}/_search"), json=search["request"], timeout=PATIENCE)
            self.assertEqual((answer.status_code, answer.json()), (search["status"], search["answer"]))
        return len(expected["searches"])

    def damaged_folder(self, *parts):
        """A copy of a folder whose `main` can be damaged, and that index's folder."""
        copy = self.folder / "copy"
        shutil.copytree(FPINDEX.joinpath(*parts), copy)
        return copy, copy / "main"

    def test_a_folder(self):
        node = self.start()
        said = self.imported(node, FOLDER)
        self.assertEqual(set(said), set(EXPECTED))
        self.assertTrue(said["gone"]["deleted"])
        searches = sum(self.assert_answers(node, name, name != "repeats") for name in EXPECTED if name != "gone")
        self.assertEqual(searches, 120)
        self.assertGreater(said["repeats"]["repeating_documents"], 0)
        self.assertEqual(said["main"]["repeating_documents"], 0)
        self.assertEqual(requests.get(node.url("/gone"), timeout=PATIENCE).status_code, 404)
        # It goes on as fpindex would have: with the next version, for who expects the one before.
        change = {"changes": [{"insert": {"id": 9000, "hashes": [1, 2]}}], "expected_version": 190}
        answer = requests.post(node.url("/main/_update"), json=change, timeout=PATIENCE)
        self.assertEqual(answer.json()["version"], 191)
        node.stop()
        again = self.start()
        for name, version in (("main", 191), ("small", EXPECTED["small"]["info"]["version"])):
            self.assertEqual(again.json("index", "info", name)["version"], version)
        self.assert_answers(again, "small")

    def test_one_index_of_a_folder(self):
        node = self.start()
        self.assertEqual(list(self.imported(node, FOLDER, "--index", "again")), ["again"])
        self.assert_answers(node, "again")
        self.assertEqual(node.json("index", "list")[0]["generation"], 2)
        self.assertEqual(node.ctl("import", FOLDER, "--index", "none", check=4).returncode, 4)
        self.assertIn("no data folder of fpindex", node.ctl("import", self.folder, check=1).stderr)

    def test_a_running_server(self):
        node = self.start()
        server = Server(self)
        for name in ("main", "small", "again", "repeats", "empty"):
            in_files = EXPECTED[name]["status"]["file_version"]
            behind = EXPECTED[name]["info"]["version"] > in_files
            said = self.imported(node, f"{server.url}/{name}", check=5 if behind else 0)[name]
            self.assertEqual(said["version"], in_files)
            self.assertEqual(said["generation"], EXPECTED[name]["status"]["generation"])
            self.assertEqual(len(said["losses"]), 1 if behind else 0, said)
        self.assertEqual(node.ctl("import", server.url, "--index", "nope", check=4).returncode, 4)
        self.assertIn("--index", node.ctl("import", server.url, check=1).stderr)

    def test_files_of_a_stream(self):
        node = self.start()
        for file in sorted(FPINDEX.glob("*.snapshot")):
            name = file.stem
            said = self.imported(node, file)[name]
            self.assertEqual(said["version"], EXPECTED[name]["status"]["file_version"])
            self.assertEqual(said["generation"], EXPECTED[name]["status"]["generation"])
        stream = FPINDEX / "small.snapshot"
        other = self.folder / "of_small"
        shutil.copy(stream, other)
        self.assertIn("--index", node.ctl("import", other, check=1).stderr)
        self.assertEqual(list(self.imported(node, other, "--index", "named")), ["named"])
        with open(stream, "rb") as file:
            piped = subprocess.run([BUILD / "fpctl", "--port", str(node.port), "import", "-", "--index", "piped"],
                                   stdin=file, capture_output=True, timeout=PATIENCE)
        self.assertEqual(piped.returncode, 0, piped.stderr)
        for name in ("small", "named", "piped"):
            self.assertEqual(node.json("index", "info", name)["num_documents"],
                             node.json("index", "info", "small")["num_documents"])
        other.write_bytes(stream.read_bytes()[:-1])
        said = self.imported(node, other, "--index", "cut", check=1)["cut"]
        self.assertIn("of_small: offset", said["error"]["message"])
        self.assertEqual(node.ctl("index", "info", "cut", check=4).returncode, 4)

    def test_a_snapshot_answers_as_the_folder_without_its_log(self):
        copy, main = self.damaged_folder("folder")
        (main / LOG).unlink()
        node = self.start()
        self.imported(node, copy, "--index", "main")
        other = self.start(data="other")
        self.imported(other, f"{Server(self).url}/main", check=5)
        for search in EXPECTED["main"]["searches"]:
            answers = [requests.post(n.url("/main/_search"), json=search["request"], timeout=PATIENCE).json()
                       for n in (node, other)]
            self.assertEqual(*answers)
        infos = [requests.get(n.url("/main"), timeout=PATIENCE).json() for n in (node, other)]
        self.assertEqual(infos[0]["version"], 176)
        self.assertEqual(*infos)

    def test_what_is_exported_comes_back(self):
        node = self.start()
        self.imported(node, FOLDER)
        exported = self.folder / "exported"
        node.ctl("export", "--all", "--folder", exported)
        by_folder, by_stream = self.start(data="by_folder"), self.start(data="by_stream")
        self.imported(by_folder, exported)
        for name in ("main", "small", "again"):
            self.imported(by_stream, node.url(f"/{name}"))
            for other in (by_folder, by_stream):
                # A document's version is that of its segment there, and the exporting node merges.
                self.assert_answers(other, name, versions=False)

    def test_a_server_that_never_sends(self):
        node = self.start()
        for stall in ("head", "body"):
            result = node.ctl("--timeout", "1", "import", Server(self, stall).url, "--index", "main", check=1)
            self.assertIn("nothing came for 1.0 s; stop the server and import its data folder", result.stderr)
        result = node.ctl("import", Server(self, "cut").url, "--index", "main", check=1)
        self.assertIn("the answer ends early", result.stderr)
        self.assertEqual(node.json("index", "list"), [])

    def test_commits_that_fpindex_hides(self):
        node = self.start()
        said = self.imported(node, FPINDEX / "torn-then-written")["main"]
        self.assertEqual((said["version"], said["hidden_commits"]), (192, 3))
        for document in (5000, 5001, 5002):
            answer = requests.get(node.url(f"/main/{document}"), timeout=PATIENCE)
            self.assertEqual(answer.status_code, 200)
        self.assertIn("3 acknowledged commits lay behind damage",
                      node.ctl("import", FPINDEX / "torn-then-written", "--replace").stdout)

    def test_damage_is_refused_and_salvaged(self):
        copy, main = self.damaged_folder("folder")
        # Behind what the segments hold too.
        log = bytearray((main / LOG).read_bytes())
        log[100_000] ^= 8
        (main / LOG).write_bytes(log)
        missing = main / "v000001/data/0000000000000040-0000000d.data"
        missing.unlink()
        node = self.start()
        said = self.imported(node, copy, check=1)
        self.assertIn("main", said)
        self.assertRegex(said["main"]["error"]["message"], r"\.xlog: offset \d+: .*missing")
        # The others come all the same.
        self.assert_answers(node, "small")
        said = self.imported(node, copy, "--index", "main", "--salvage", check=5)["main"]
        self.assertEqual(said["version"], 190)
        self.assertEqual(len(said["losses"]), 2, said)
        self.assertTrue(any(missing.name in loss for loss in said["losses"]), said)

    def test_an_index_that_exists(self):
        node = self.start()
        self.imported(node, FOLDER, "--index", "main")
        change = {"changes": [{"insert": {"id": 7777, "hashes": [1]}}]}
        requests.post(node.url("/main/_update"), json=change, timeout=PATIENCE)
        said = self.imported(node, FOLDER, "--index", "main", check=1)["main"]
        self.assertEqual(said["error"]["code"], "index_already_exists")
        # One that fails takes nothing away.
        copy, main = self.damaged_folder("folder")
        (main / "v000001/data/0000000000000040-0000000d.data").unlink()
        self.imported(node, copy, "--index", "main", "--replace", check=1)
        self.assertEqual(node.json("index", "info", "main")["version"], 191)
        said = self.imported(node, FOLDER, "--index", "main", "--replace")["main"]
        self.assertEqual((said["version"], said["generation"], said["fpindex_generation"]), (190, 2, 1))
        self.assertEqual(requests.get(node.url("/main/7777"), timeout=PATIENCE).status_code, 404)
        self.assertEqual([p.name for p in (node.data / "main").iterdir() if p.name.startswith("v")], ["v2"])
        node.stop()
        again = self.start()
        self.assertEqual(again.json("index", "info", "main")["version"], 190)

    def test_a_generation_that_was_used(self):
        node = self.start()
        node.ctl("index", "create", "main", "--generation", "7")
        node.ctl("index", "delete", "main")
        said = self.imported(node, FOLDER, "--index", "main", check=1)["main"]
        self.assertIn("generation 7", said["error"]["message"])

    def test_a_killed_import_leaves_nothing(self):
        node = self.start()
        server = Server(self, "body")
        killed = subprocess.Popen([BUILD / "fpctl", "--port", str(node.port), "--timeout", "60", "import", server.url,
                                   "--index", "main", "--spool", self.spool], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
        # Something has come, and lies in the spool.
        killed.stderr.readline()
        killed.send_signal(signal.SIGKILL)
        killed.communicate(timeout=PATIENCE)
        self.assertEqual(len(list(self.spool.iterdir())), 1)
        self.imported(node, FOLDER, "--index", "main")
        self.assert_answers(node, "main")

    def test_a_folder_given_to_the_wrong_command(self):
        copy = self.folder / "data"
        shutil.copytree(FOLDER, copy)
        before = {p: p.stat().st_mtime_ns for p in copy.rglob("*")}
        code, said = self.start_refused()
        self.assertEqual(code, 2)
        self.assertIn(f"data folder of fpindex; start the node with another --dir, then run: fpctl import {copy}", said)
        for command in (["check", copy], ["repair", copy, "--cut-log", "main"]):
            result = run_ctl(1, *command)
            self.assertEqual(result.returncode, 1)
            self.assertIn(f"fpctl import {copy}", result.stderr)
        self.assertEqual({p: p.stat().st_mtime_ns for p in copy.rglob("*")}, before)

    def test_one_index_among_those_of_a_node(self):
        node = self.start()
        node.ctl("index", "create", "own")
        node.stop()
        shutil.copytree(FOLDER / "main", self.folder / "data/main")
        node = self.start()
        node.ctl("watch", "main", check=None)
        entry, = (e for e in node.json("index", "list") if e["name"] == "main")
        self.assertEqual(entry["state"], "failed")
        self.assertIn("an index of fpindex", entry["reason"])


if __name__ == "__main__":
    unittest.main()
