"""The line protocol's contract, request by request and error by error, against a real node."""

import pathlib
import socket
import tempfile
import threading
import unittest

import requests

from line_client import LineClient
from support import PATIENCE, HeldFiles, Node, NodeTest


class LineTest(unittest.TestCase):
    """One node for all tests of a class, each with documents of its own."""

    flags = []

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="fpnode-test-")
        cls.addClassCleanup(folder.cleanup)
        cls.node = Node(pathlib.Path(folder.name) / "data", "--legacy-port", "any", *cls.flags)
        cls.addClassCleanup(cls.node.kill)

    def setUp(self):
        self.line = self.connect()

    def connect(self, **kwargs):
        client = LineClient(self.node.line_port, **kwargs)
        self.addCleanup(client.close)
        return client

    def ask(self, line):
        return self.line.ask(line)

    def http(self, method, path, body=None):
        r = requests.request(method, self.node.url("/main" + path), json=body, timeout=PATIENCE)
        self.assertEqual(r.status_code, 200, r.text)
        return r.json()


class Contract(LineTest):
    def test_echo(self):
        self.assertEqual(self.ask("echo a b c"), "OK a b c")
        self.assertEqual(self.ask("echo"), "OK ")
        self.assertEqual(self.ask(""), "OK ")

    def test_bare_line_ends(self):
        self.line.socket.sendall(b"echo a\necho b\r\n\n")
        self.assertEqual([self.line.receive() for _ in range(3)], ["OK a", "OK b", "OK "])

    def test_search_is_best_first_with_ties_by_lower_id(self):
        self.line.do("begin", "insert 103 1001,1002,1003", "insert 102 1001,1002", "insert 101 1002,1001",
                     "insert 104 1001", "commit")
        self.assertEqual(self.ask("search 1001,1002,1003"), "OK 103:3 101:2 102:2 104:1")
        self.assertEqual(self.ask("search 1003"), "OK 103:1")
        self.assertEqual(self.ask("search 1009"), "OK ")

    def test_signed_hashes_are_the_same_as_unsigned_ones(self):
        self.line.do("begin", "insert 201 -201,-2147483648", "insert 202 4294967095,2147483648", "commit")
        self.assertEqual(self.ask("search -201"), "OK 201:1 202:1")
        self.assertEqual(self.ask("search 4294967095,-2147483648"), "OK 201:2 202:2")

    def test_a_low_score_of_many_hashes_is_found(self):
        self.line.do("begin", "insert 301 30001", "commit")
        query = ",".join(str(h) for h in range(30001, 31001))
        self.assertEqual(self.ask("search " + query), "OK 301:1")

    def test_an_insert_replaces_the_document(self):
        self.line.do("begin", "insert 401 40001", "commit", "begin", "insert 401 40002", "insert 401 40003", "commit")
        self.assertEqual(self.ask("search 40001,40002,40003"), "OK 401:1")
        self.assertEqual(self.ask("search 40003"), "OK 401:1")

    def test_max_results_and_top_score_percent(self):
        self.line.do("begin", *(f"insert {i} {','.join(str(50000 + h) for h in range(i - 500))}"
                                for i in range(501, 521)), "commit")
        query = "search " + ",".join(str(50000 + h) for h in range(20))
        self.assertEqual(self.ask(query), "OK " + " ".join(f"{i}:{i - 500}" for i in range(520, 501, -1)))
        self.line.do("set max_results 2")
        self.assertEqual(self.ask(query), "OK 520:20 519:19")
        self.line.do("set max_results 500", "set top_score_percent 90")
        self.assertEqual(self.ask(query), "OK 520:20 519:19 518:18")
        # The share is rounded: 17.6 to 18, 17.4 to 17.
        for percent, least in ((88, 18), (87, 17)):
            self.line.do(f"set top_score_percent {percent}")
            self.assertEqual(self.ask(query).split()[-1], f"{500 + least}:{least}")
        self.line.do("set top_score_percent 0")
        self.assertEqual(len(self.ask(query).split()), 21)

    def test_probes(self):
        self.line.do("begin", "insert 701 7340032", "insert 702 7340033", "insert 703 7340035", "commit")
        self.assertEqual(self.ask("search 7340032"), "OK 701:1")
        self.line.do("set probes 1")
        self.assertEqual(self.ask("search 7340032"), "OK 701:1 702:1")
        self.line.do("set probes 2")
        self.assertEqual(self.ask("search 7340032"), "OK 701:1 702:1 703:1")
        self.assertEqual(self.ask("set probes 3"), "ERR invalid value")

    def test_more_results_than_http_gives(self):
        self.line.do("begin")
        for i in range(60001, 60701):
            self.line.send(f"insert {i} 60000")
        self.assertEqual({self.line.receive() for _ in range(700)}, {"OK "})
        self.line.do("commit")
        self.assertEqual(self.ask("search 60000"), "OK " + " ".join(f"{i}:1" for i in range(60001, 60501)))
        self.line.do("set max_results 10000")
        self.assertEqual(self.ask("search 60000"), "OK " + " ".join(f"{i}:1" for i in range(60001, 60701)))

    def test_errors_of_searches(self):
        self.assertEqual(self.ask("search"), "ERR expected one argument")
        self.assertEqual(self.ask("search 1 2"), "ERR expected one argument")
        self.assertEqual(self.ask("search "), "ERR empty fingerprint")
        for hashes in ("a", "1,", ",", "1;2", "4294967296", "-2147483649", "{1}", "1.0"):
            self.assertEqual(self.ask("search " + hashes), "ERR invalid fingerprint", hashes)

    def test_errors_of_transactions(self):
        for line in ("commit", "rollback", "optimize", "cleanup", "insert 1 1", "set a b", "set attribute a b"):
            self.assertEqual(self.ask(line), "ERR not in transaction", line)
        self.line.do("begin")
        self.assertEqual(self.ask("begin"), "ERR already in transaction")
        self.assertEqual(self.ask("insert 1"), "ERR expected two arguments")
        self.assertEqual(self.ask("insert 1 2 3"), "ERR expected two arguments")
        self.assertEqual(self.ask("insert 1 "), "ERR empty fingerprint")
        self.assertEqual(self.ask("insert 1 x"), "ERR invalid fingerprint")
        for document in ("0", "x", "-1", "4294967296"):
            self.assertEqual(self.ask(f"insert {document} 1"), "ERR invalid document id", document)
        self.line.do("optimize", "cleanup", "rollback")
        self.assertEqual(self.ask("rollback"), "ERR not in transaction")

    def test_errors_of_attributes(self):
        self.assertEqual(self.ask("get"), "ERR expected one argument")
        self.assertEqual(self.ask("get a b"), "ERR expected one argument")
        self.assertEqual(self.ask("set a"), "ERR expected two arguments")
        self.assertEqual(self.ask("set a b c"), "ERR expected two arguments")
        for name in ("max_results", "top_score_percent", "timeout", "idle_timeout", "probes"):
            self.assertEqual(self.ask(f"set {name} x"), "ERR invalid value")
            self.assertEqual(self.ask(f"set attribute {name} -1"), "ERR invalid value")
        self.assertEqual(self.ask("explode"), "ERR unknown command")

    def test_session_attributes_belong_to_the_connection(self):
        defaults = {"max_results": "500", "top_score_percent": "10", "timeout": "0", "idle_timeout": "60000"}
        other = self.connect()
        for name, value in defaults.items():
            self.assertEqual(self.ask("get " + name), "OK " + value)
            self.line.do(f"set attribute {name} 77")
            self.assertEqual(self.ask("get attribute " + name), "OK 77")
            self.assertEqual(other.ask("get " + name), "OK " + value)

    def test_index_attributes(self):
        self.assertEqual(self.ask("get colour"), "OK ")
        other = self.connect()
        self.line.do("begin", "set colour blue", "set attribute shape round")
        self.assertEqual(self.ask("get colour"), "OK blue")
        self.assertEqual(other.ask("get colour"), "OK ")
        self.line.do("commit")
        self.assertEqual(other.ask("get colour"), "OK blue")
        self.assertEqual(other.ask("get attribute shape"), "OK round")
        self.assertEqual(self.http("GET", "")["metadata"]["colour"], "blue")
        self.http("POST", "/_update", {"changes": [], "metadata": {"colour": "red\r\nERR x"}})
        self.assertEqual(self.ask("get colour"), "OK red  ERR x")

    def test_rollback_and_closing_drop_a_transaction(self):
        self.line.do("begin", "insert 701 70001", "set dropped yes", "rollback")
        self.line.do("begin", "insert 701 70001")
        self.line.close()
        with self.connect() as other:
            other.do("begin", "insert 701 70001")
            self.assertEqual(other.ask("quit"), "OK ")
            self.assertEqual(other.rest(), b"")
        third = self.connect()
        self.assertEqual(third.ask("search 70001"), "OK ")
        self.assertEqual(third.ask("get dropped"), "OK ")

    def test_a_transaction_is_invisible_until_its_commit(self):
        other = self.connect()
        self.line.do("begin", "insert 801 80001")
        other.do("begin", "insert 802 80001")
        self.assertEqual(self.ask("search 80001"), "OK ")
        before = self.http("GET", "")["version"]
        self.line.do("commit")
        self.assertEqual(other.ask("search 80001"), "OK 801:1")
        other.do("commit")
        self.assertEqual(self.ask("search 80001"), "OK 801:1 802:1")
        self.assertEqual(self.http("GET", "")["version"], before + 2)

    def test_the_index_is_shared_with_http(self):
        self.line.do("begin", "insert 901 90001,90002", "commit")
        found = self.http("POST", "/_search", {"query": [90001, 90002], "min_score": 1})
        self.assertEqual(found["results"], [{"id": 901, "score": 2}])
        self.http("PUT", "/902", {"hashes": [90002]})
        self.assertEqual(self.ask("search 90001,90002"), "OK 901:2 902:1")
        self.http("DELETE", "/901")
        self.assertEqual(self.ask("search 90001,90002"), "OK 902:1")

    def test_quit_closes(self):
        self.line.socket.sendall(b"quit\necho a\n")
        self.assertEqual(self.line.rest(), b"OK \r\n")

    def test_idle_connections_are_closed(self):
        self.line.do("set idle_timeout 50")
        self.assertEqual(self.line.rest(), b"ERR timeout\r\n")

    def test_long_lines(self):
        text = "x" * (256 * 1024 - len("echo "))
        self.assertEqual(self.ask("echo " + text), "OK " + text)
        self.line.socket.sendall(f"echo {text}x\r\necho a\r\n".encode())
        self.assertEqual(self.line.rest(), b"ERR line too long\r\n")

    def test_a_line_that_does_not_end(self):
        self.line.socket.sendall(b"\0" * (256 * 1024 + 2))
        self.assertEqual(self.line.rest(), b"ERR line too long\r\n")

    def test_half_closed_connections_get_all_answers(self):
        lines = b"".join(b"search 1%d\nbegin\ninsert %d 99001\ncommit\n" % (i, 99001 + i) for i in range(50))
        self.line.socket.sendall(lines + b"search 99001\necho part")
        self.line.socket.shutdown(socket.SHUT_WR)
        answers = self.line.rest().split(b"\r\n")
        self.assertEqual(answers[:-2], [b"OK "] * 200)
        self.assertEqual(answers[-2], b"OK " + b" ".join(b"%d:1" % (99001 + i) for i in range(50)))
        self.assertEqual(answers[-1], b"")

    def test_thousands_of_pipelined_lines(self):
        self.line.do("begin", "insert 951 95001", "commit")
        lines = b"".join(b"echo %d\nsearch 95001\nget nothing\n" % i for i in range(3000))
        sender = threading.Thread(target=self.line.socket.sendall, args=(lines,))
        sender.start()
        for i in range(3000):
            self.assertEqual([self.line.receive() for _ in range(3)], [f"OK {i}", "OK 951:1", "OK "])
        sender.join()

    def test_garbage(self):
        self.line.socket.sendall(bytes(range(256)) * 100 + b"\n")
        self.line.send("quit")
        answers = self.line.rest()
        self.assertTrue(answers.endswith(b"ERR unknown command\r\nOK \r\n"), answers[-100:])
        self.assertEqual(self.connect().ask("echo a"), "OK a")


class Limits(LineTest):
    flags = ["--max-update-bytes", 100_000, "--legacy-max-transaction-bytes", 400_000, "--legacy-max-connections", 3, "--legacy-index", "other"]

    def http(self, method, path, body=None):
        return requests.request(method, self.node.url("/other" + path), json=body, timeout=PATIENCE).json()

    def test_the_bound_of_a_transaction(self):
        self.line.do("begin")
        hashes = ",".join("7" * 9 for _ in range(5000))
        self.line.do(*(f"insert {i} {hashes}" for i in range(1, 5)))
        self.assertEqual(self.ask(f"insert 5 {hashes}"), "ERR commit failed: a transaction may hold 100000 bytes")
        self.line.do("insert 6 777777777", "commit")
        self.assertEqual(self.ask("search 777777777"), "OK 1:1 2:1 3:1 4:1 6:1")
        self.assertEqual(self.http("GET", "")["stats"]["max_doc_id"], 6)

    def test_the_bound_of_connections(self):
        others = [self.connect(), self.connect()]
        for c in others:
            self.assertEqual(c.ask("echo a"), "OK a")
        self.assertEqual(self.connect().rest(), b"ERR too many connections\r\n")


class LifeCycle(NodeTest):
    def start_line(self, *flags, **kwargs):
        node = self.start("--legacy-port", "any", *flags, **kwargs)
        client = LineClient(node.line_port)
        self.addCleanup(client.close)
        return node, client

    def test_off_by_default(self):
        node = self.start()
        self.assertNotIn("line protocol", node.log())
        self.assertEqual(requests.get(node.url("/main"), timeout=PATIENCE).status_code, 404)

    def test_a_taken_port_stops_the_start(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            code, log = self.start_refused("--legacy-port", port)
        self.assertEqual(code, 1)
        self.assertIn(f"cannot listen on 127.0.0.1:{port}", log)

    def test_commits_survive_a_restart_and_open_transactions_do_not(self):
        node, line = self.start_line()
        self.assertEqual(line.ask("get max_document_id"), "OK 0")
        line.do("begin", "insert 7 1,2", "set colour blue", "commit", "begin", "insert 8 1,2")
        self.assertEqual(node.stop(), 0)
        self.assertEqual(line.rest(), b"")
        node, line = self.start_line()
        node.wait_for("main: ready")
        self.assertEqual(line.ask("search 1,2"), "OK 7:2")
        self.assertEqual(line.ask("get colour"), "OK blue")
        line.do("begin", "insert 9 2", "commit")
        node.kill()
        node, line = self.start_line()
        node.wait_for("main: ready")
        self.assertEqual(line.ask("search 1,2"), "OK 7:2 9:1")

    def test_max_document_id_is_the_largest_live_one_until_a_client_sets_it(self):
        node, line = self.start_line()
        line.do("begin", "insert 7 1", "insert 4000000000 1", "commit")
        self.assertEqual(line.ask("get max_document_id"), "OK 4000000000")
        requests.delete(node.url("/main/4000000000"), timeout=PATIENCE).raise_for_status()
        self.assertEqual(line.ask("get attribute max_document_id"), "OK 7")
        line.do("begin", "set max_document_id 5")
        self.assertEqual(line.ask("get max_document_id"), "OK 5")
        line.do("rollback")
        self.assertEqual(line.ask("get max_document_id"), "OK 7")
        line.do("begin", "set attribute max_document_id 5", "insert 8 1", "commit")
        self.assertEqual(line.ask("get max_document_id"), "OK 5")

    def test_a_failed_index(self):
        node, line = self.start_line()
        line.do("begin", "insert 7 1,2", "commit")
        node.ctl("checkpoint", "main")
        self.assertEqual(node.stop(), 0)
        segment = next((self.folder / "data" / "main").glob("v*/data/*.seg"))
        good = segment.read_bytes()
        segment.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        node, line = self.start_line()
        node.wait_for("main: loading failed")
        self.assertEqual(line.ask("search 1"), "ERR search failed")
        self.assertEqual(line.ask("get max_document_id"), "ERR search failed")
        self.assertEqual(line.ask("get max_results"), "OK 500")
        line.do("begin", "insert 8 1,2")
        self.assertEqual(line.ask("commit"), "ERR commit failed")
        # The transaction is still there when the index is well again.
        segment.write_bytes(good)
        node.ctl("reload", "main")
        node.wait_for("main: ready")
        line.do("insert 9 1,2", "commit")
        self.assertEqual(line.ask("search 1,2"), "OK 7:2 8:2 9:2")

    def test_an_index_that_loads(self):
        node, line = self.start_line()
        line.do("begin", "insert 7 1,2", "set colour blue", "commit")
        node.ctl("checkpoint", "main")
        self.assertEqual(node.stop(), 0)
        segment = next((self.folder / "data" / "main").glob("v*/data/*.seg"))
        with HeldFiles(segment):
            # As long as the settings allow nobody is told that there is nothing.
            node, line = self.start_line("--max-ready-wait-ms", 100)
            for request in ("search 1", "get colour", "get max_document_id"):
                self.assertEqual(line.ask(request), "ERR search failed", request)
            line.do("set max_results 3", "begin", "insert 8 1")
            self.assertEqual(line.ask("commit"), "ERR commit failed")
            self.assertNotIn("main: ready", node.log())
        node.wait_for("main: ready")
        line.do("commit")
        self.assertEqual(line.ask("search 1,2"), "OK 7:2 8:1")
        self.assertEqual(line.ask("get colour"), "OK blue")
        node.ctl("checkpoint", "main")
        self.assertEqual(node.stop(), 0)

        with HeldFiles(*(self.folder / "data" / "main").glob("v*/data/*.seg")):
            node, line = self.start_line()
            others = [LineClient(node.line_port) for _ in range(4)]
            for client in others:
                self.addCleanup(client.close)
            others[0].send("search 1,2")
            others[1].send("get colour")
            others[2].do("begin", "insert 9 5")
            others[2].send("commit")
            others[3].do("set timeout 1")
            self.assertEqual(others[3].ask("search 1"), "ERR search failed")
            self.assertNotIn("main: ready", node.log())
        self.assertEqual(others[0].receive(), "OK 7:2 8:1")
        self.assertEqual(others[1].receive(), "OK blue")
        self.assertEqual(others[2].receive(), "OK ")
        self.assertEqual(line.ask("search 5"), "OK 9:1")

    def test_a_transaction_of_50_000_documents(self):
        # As acoustid-server's imports have them.
        node, line = self.start_line()
        hashes = ",".join(str(h) for h in range(2_000_000_000, 2_000_000_120))
        lines = b"".join(b"insert %d %s\r\n" % (i, hashes.encode()) for i in range(1, 50_001))
        line.do("begin")
        sender = threading.Thread(target=line.socket.sendall, args=(lines,))
        sender.start()
        self.assertEqual({line.receive() for _ in range(50_000)}, {"OK "})
        sender.join()
        line.do("commit")
        self.assertEqual(line.ask("get max_document_id"), "OK 50000")
        self.assertEqual(requests.get(node.url("/main"), timeout=PATIENCE).json()["version"], 1)

    def test_it_listens_where_http_does(self):
        node = self.start("--legacy-port", "any", "--host", "127.0.0.2")
        LineClient(int(node.wait_for(r"listening for the line protocol on 127\.0\.0\.2:(\d+)").group(1)),
                   host="127.0.0.2").close()
        self.assertEqual(node.stop(), 0)
        node = self.start("--legacy-port", "any", "--host", "127.0.0.2", "--legacy-host", "127.0.0.1")
        LineClient(node.line_port).close()

    def test_port_0_is_off(self):
        node = self.start("--legacy-port", 0)
        self.assertNotIn("line protocol", node.log())
        self.assertEqual(requests.get(node.url("/main"), timeout=PATIENCE).status_code, 404)

    def test_an_index_that_was_deleted(self):
        node, line = self.start_line()
        line.do("begin", "insert 7 1", "commit", "begin", "insert 8 1")
        requests.delete(node.url("/main"), timeout=PATIENCE).raise_for_status()
        self.assertEqual(line.ask("search 1"), "ERR search failed: there is no index main")
        self.assertEqual(line.ask("get colour"), "ERR search failed: there is no index main")
        self.assertEqual(line.ask("commit"), "ERR commit failed: there is no index main")
        requests.put(node.url("/main"), timeout=PATIENCE).raise_for_status()
        line.do("commit")
        self.assertEqual(line.ask("search 1"), "OK 8:1")

    def test_a_search_that_runs_out_of_time(self):
        # A query of 100,000 hashes takes longer than a millisecond wherever there is something to find.
        node, line = self.start_line()
        hashes = ",".join(str(h) for h in range(20000))
        line.do("begin", *(f"insert {i} {hashes}" for i in range(1, 101)), "commit", "set timeout 1")
        answers = {line.ask("search " + hashes) for _ in range(20)}
        self.assertIn("ERR timeout exceeded", answers)
        line.do("set timeout 0")
        self.assertEqual(len(line.ask("search " + hashes).split()), 101)


if __name__ == "__main__":
    unittest.main()
