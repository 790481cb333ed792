"""Whatever is wrong gets a clear error, and nothing is lost or half done."""

import os
import socket
import unittest

from support import NodeTest, run_ctl


class BadStart(NodeTest):
    def test_a_second_process_on_the_same_folder_is_refused(self):
        first = self.start()
        code, log = self.start_refused()
        self.assertEqual(code, 1)
        self.assertIn(str(self.folder / "data"), log)
        self.assertIn("another process", log)
        first.ctl("index", "create", "main")

    def test_a_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            code, log = self.start_refused("--caf-port", port)
        self.assertEqual(code, 1)
        self.assertIn(f"cannot listen on 127.0.0.1:{port}", log)

    def test_a_folder_that_is_a_file(self):
        (self.folder / "data").write_text("not a folder")
        code, log = self.start_refused()
        self.assertEqual(code, 2)
        self.assertIn(f"dir: {self.folder / 'data'}: a file, and no folder", log)

    def test_files_that_are_missing_stay_missing_however_often_it_is_tried(self):
        missing = self.folder / "missing"
        tls = ["--tls-certificate", missing, "--tls-key", missing, "--tls-ca", missing]
        for flags in (["--config", missing], ["--token-file", missing], ["--http-tls", "on", *tls],
                      ["--caf-tls", "on", *tls], ["--log-file", missing / "log"]):
            for check in [], ["--check-config"]:
                with self.subTest(flags=flags, check=check):
                    code, log = self.start_refused(*flags, *check)
                    self.assertEqual(code, 2)
                    self.assertIn(str(missing), log)
                    self.assertEqual(len(log.splitlines()), 1, log)
        self.assertFalse((self.folder / "data").exists())

    @unittest.skipIf(os.geteuid() == 0, "root may read everything")
    def test_an_unreadable_folder(self):
        (self.folder / "data").mkdir(mode=0)
        code, log = self.start_refused()
        self.assertEqual(code, 2)
        self.assertIn(str(self.folder / "data"), log)

    def test_an_index_without_its_current_file_fails_alone(self):
        node = self.start()
        for name in "good", "bad":
            node.ctl("index", "create", name)
            node.ctl("ingest", name, "-", stdin="1|10,20,30\n")
        self.assertEqual(node.stop(), 0)
        (self.folder / "data" / "bad" / "current").unlink()
        node = self.start()
        states = {i["name"]: i for i in node.json("index", "list")}
        self.assertEqual(states["bad"]["state"], "failed")
        self.assertIn("current", states["bad"]["reason"])
        self.assertEqual(node.json("search", "good", "10,20,30")["results"][0]["id"], 1)

    def test_a_pipe_in_the_place_of_a_file_fails_its_index_alone(self):
        node = self.start()
        for name in "good", "bad":
            node.ctl("index", "create", name)
            node.ctl("ingest", name, "-", "--checkpoint", stdin="1|10,20,30\n")
        self.assertEqual(node.stop(), 0)
        home = self.folder / "data" / "bad"
        for file in home / "current", *(f for f in (home / "v1").rglob("*") if f.is_file()):
            with self.subTest(file.name):
                contents = file.read_bytes()
                file.unlink()
                os.mkfifo(file)
                checked = run_ctl(1, "check", self.folder / "data")
                self.assertEqual(checked.returncode, 1, checked.stdout)
                self.assertIn("1 unreadable", checked.stdout)
                node = self.start()
                node.json("watch", "good")
                node.wait_for("a pipe, and no file")
                states = {i["name"]: i for i in node.json("index", "list")}
                self.assertEqual(states["good"]["state"], "ready")
                self.assertEqual(states["bad"]["state"], "failed")
                self.assertIn("a pipe, and no file", states["bad"]["reason"])
                self.assertEqual(node.stop(), 0)
                file.unlink()
                file.write_bytes(contents)

    def test_a_typo_in_the_configuration(self):
        config = self.folder / "fpnode.json"
        for text, wanted in [
            ('{"max_concurent_loads": 3}', ["max_concurent_loads", "max_concurrent_loads"]),
            ('{"max_concurrent_loads": 257}', ["max_concurrent_loads", "found 257", "0 to 256"]),
            ('{"max_concurrent_loads": "4"}', ["max_concurrent_loads", '"4"', "0 to 256"]),
            ('{"dir": "x",\n "dir": "y"}', ["dir"]),
            ('{"dir" "x"}', ["line 1"]),
        ]:
            config.write_text(text)
            with self.subTest(text):
                code, log = self.start_refused("--config", config)
                self.assertEqual(code, 2)
                self.assertEqual(len(log.splitlines()), 1, log)
                for word in wanted:
                    self.assertIn(word, log)
        self.assertFalse((self.folder / "data").exists())


class Flags(NodeTest):
    def test_unknown_ones_are_warned_of_unless_it_is_to_be_strict(self):
        unknown = ["--quorum", "--shards", "http://127.0.0.1:1", "--load-concurency=3"]
        node = self.start(*unknown)
        node.wait_for("warn(ing)? --quorum: unknown flag.*, ignored")
        node.wait_for("warn(ing)? --shards: unknown flag.*, ignored")
        node.wait_for("warn(ing)? --load-concurency: unknown flag; did you mean --load-concurrency\\?, ignored")
        self.assertEqual(node.stop(), 0)
        code, log = self.start_refused("--strict", *unknown)
        self.assertEqual(code, 2)
        self.assertIn("fpnode: --shards: unknown flag", log)

    def test_of_a_repeated_one_the_last_counts(self):
        node = self.start("--http-threads", "0", "--http-threads", "1", "--log-level", "error", "--log-level", "info")
        self.assertEqual(node.stop(), 0)
        code, log = self.start_refused("--http-threads", "1", "--http-threads", "0")
        self.assertEqual(code, 2)
        self.assertIn("--http-threads: found 0", log)

    def test_a_taken_port_for_actors_stops_only_who_asks_for_it(self):
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                taken.bind(("127.0.0.1", 8090))
                taken.listen()
            except OSError:
                pass  # taken by somebody else
            node = self.start_unready("--port", 0, caf_port=None)
            node.wait_for(r"warn(ing)? cannot listen on 127\.0\.0\.1:8090: .*going on without remote actors")
            self.assertEqual(node.http_port > 0, True)
            self.assertEqual(node.stop(), 0)
            code, log = self.start_refused("--caf-port", 8090)
            self.assertEqual(code, 1)
            self.assertIn("cannot listen on 127.0.0.1:8090", log)


class BadRequests(NodeTest):
    def setUp(self):
        super().setUp()
        self.node = self.start("--max-update-bytes", "100000")
        self.node.ctl("index", "create", "main")
        self.node.ctl("ingest", "main", "-", stdin="7|1,2,3\n")

    def tearDown(self):
        info = self.node.json("index", "info", "main")
        self.assertEqual((info["version"], info["num_documents"]), self.after)

    after = (1, 1)

    def test_index_names(self):
        for name in "a/b", "..", "", "x" * 256, "a b", "\x1b[31m":
            with self.subTest(name):
                result = self.node.ctl("index", "create", name, check=1)
                self.assertIn("index name", result.stderr)
                self.assertNotIn("\x1b", result.stderr)

    def test_an_index_that_does_not_exist(self):
        for command in ["search", "nothing", "1,2"], ["index", "info", "nothing"], ["checkpoint", "nothing"]:
            with self.subTest(command):
                self.assertIn("nothing", self.node.ctl(*command, check=4).stderr)

    def test_document_id_0(self):
        result = self.node.ctl("ingest", "main", "-", stdin="8|1,2\n0|4,5\n", check=1)
        self.assertIn("2", result.stderr)
        self.assertIn("id", result.stderr)

    def test_an_empty_hash_list(self):
        self.assertIn("hashes", self.node.ctl("ingest", "main", "-", stdin="8|\n", check=1).stderr)

    def test_an_update_above_the_size_limit(self):
        hashes = ",".join(map(str, range(30_000)))
        self.assertIn("100000", self.node.ctl("ingest", "main", "-", stdin=f"8|{hashes}\n", check=1).stderr)

    def test_garbage_on_the_port(self):
        for garbage in b"GET / HTTP/1.1\r\n\r\n", os.urandom(4096), b"\0" * 64:
            with socket.create_connection(("127.0.0.1", self.node.port)) as s:
                s.settimeout(30)
                try:
                    s.sendall(garbage)
                    s.shutdown(socket.SHUT_WR)
                    while s.recv(4096):
                        pass
                except OSError as e:
                    # The node may hang up at any of these moments; what it may not do is keep talking or die.
                    self.assertNotIsInstance(e, TimeoutError)
        self.assertEqual(self.node.json("search", "main", "1,2,3")["results"], [{"id": 7, "score": 3}])


if __name__ == "__main__":
    unittest.main()
