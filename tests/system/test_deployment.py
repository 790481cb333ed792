"""What operators and service managers rely on: exit codes, log files, readiness, the installed files."""

import gzip
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("FPNODE_BUILD", "build")
FPNODE = BUILD / "fpnode"

# Only a hanging node ever takes as long.
DEADLINE = 60


class Manager:
    """A service manager's end of the readiness protocol."""

    def __init__(self, address, name):
        self.name = name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.settimeout(DEADLINE)

    def next(self):
        """The assignments of the next datagram; waits for it."""
        return dict(line.split("=", 1) for line in self.socket.recv(65536).decode().split("\n"))

    def next_with(self, key):
        while True:
            told = self.next()
            if key in told:
                return told

    def close(self):
        self.socket.close()


class DeploymentTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="fpnode-test-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.data = self.folder / "data"
        self.log = self.folder / "node.log"

    def manager(self):
        path = str(self.folder / "notify")
        manager = Manager(path, path)
        self.addCleanup(manager.close)
        return manager

    def command(self, *flags, port=0):
        return [FPNODE, "--dir", self.data, "--caf-port", str(port), *flags]

    def run_node(self, *flags):
        """Runs a node that is expected to end by itself."""
        return subprocess.run(self.command(*flags), capture_output=True, text=True, timeout=DEADLINE)

    def start(self, *flags, manager=None):
        """Starts a node and waits until it is ready."""
        return self.start_and_listen(*flags, manager=manager)[:2]

    def start_and_listen(self, *flags, manager=None):
        """The same; also what the node said when it was ready."""
        manager = manager or self.manager()
        node = subprocess.Popen(self.command(*flags), stderr=subprocess.PIPE, text=True,
                                env={**os.environ, "NOTIFY_SOCKET": manager.name})
        self.addCleanup(node.stderr.close)
        self.addCleanup(node.wait)
        self.addCleanup(node.kill)
        told = manager.next_with("READY")
        self.assertEqual(told["READY"], "1")
        return node, manager, told

    def stop(self, node):
        node.send_signal(signal.SIGTERM)
        self.assertEqual(node.wait(DEADLINE), 0)


class Configuration(DeploymentTest):
    def test_shipped_configuration_is_valid(self):
        done = self.run_node("--config", ROOT / "config/fpnode.json", "--check-config")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertFalse(self.data.exists())

    def test_what_is_wrong_is_one_line_and_exit_code_2(self):
        file = self.folder / "wrong.json"
        file.write_text('{"threads": "many"}')
        for flags in (["--config", file], ["--config", file, "--check-config"]):
            done = self.run_node(*flags)
            self.assertEqual(done.returncode, 2)
            self.assertEqual(done.stderr, f'fpnode: {file}: threads: found a string "many", '
                                          "allowed a whole number 0 to 1024\n")
        done = self.run_node("--log-format", "xml")
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr, 'fpnode: --log-format: found "xml", allowed text or json\n')
        self.assertFalse(self.data.exists())

    def test_a_log_file_that_cannot_be_written_is_one_line_and_exit_code_2(self):
        file = self.folder / "absent" / "node.log"
        for flags in [], ["--check-config"]:
            done = self.run_node("--log-file", file, *flags)
            self.assertEqual(done.returncode, 2)
            self.assertEqual(done.stderr, f"fpnode: log_file: {file.parent}: no such folder\n")

    def test_a_check_finds_what_a_start_would_stumble_over(self):
        (self.folder / "file").write_text("")
        for flags, wanted in [(["--dir", self.folder / "file"], "dir: .*/file: a file, and no folder"),
                              (["--dir", self.folder / "file" / "data"], "dir: .*: Not a directory"),
                              (["--dir", "~/data"], 'dir: found "~/data", in which nobody replaces ~'),
                              (["--log-file", "$HOME/log"], 'log_file: found "\\$HOME/log", in which nobody'),
                              (["--log-file", self.folder], "log_file: .*: a folder, and no file"),
                              (["--port", "9999", "--legacy-port", "9999"], "legacy_port: found 9999, which is port"),
                              (["--http-max-buffered-bytes", "1048576"], "http_max_buffered_bytes: found 1048576, "
                                                                         "allowed at least http_max_body_bytes")]:
            with self.subTest(flags):
                for check in ["--check-config"], []:
                    done = self.run_node(*flags, *check)
                    self.assertEqual(done.returncode, 2)
                    self.assertRegex(done.stderr, f"^fpnode: {wanted}.*\n$")


class Logging(DeploymentTest):
    def test_hangup_opens_the_file_again(self):
        # Of two signals that wait, the one with the lower number, SIGHUP, is taken first.
        node, _ = self.start("--log-file", self.log)
        moved = self.folder / "moved.log"
        self.log.rename(moved)
        node.send_signal(signal.SIGHUP)
        self.stop(node)
        self.assertIn(" info listening for remote actors on ", moved.read_text())
        lines = self.log.read_text().splitlines()
        self.assertTrue(lines[0].endswith(" info log file opened again"), lines)
        self.assertTrue(lines[-1].endswith(" info stopped"), lines)
        self.assertEqual(node.stderr.read(), "")

    def test_hangup_without_a_log_file_does_no_harm(self):
        node, _ = self.start()
        node.send_signal(signal.SIGHUP)
        self.stop(node)
        self.assertIn("nothing to open again", node.stderr.read())

    def test_what_ends_the_node_is_told_in_the_file_and_on_standard_error(self):
        self.start("--log-file", self.folder / "first.log")
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        port = taken.getsockname()[1]
        other = ["--dir", self.folder / "other"]
        for flags, code, wanted in [([], 1, "another process"),
                                    ([*other, "--port", str(port)], 1, f"cannot listen on 127.0.0.1:{port}"),
                                    ([*other, "--legacy-port", port], 1, f"cannot listen on 127.0.0.1:{port}"),
                                    ([*other, "--caf-port", port], 1, f"cannot listen on 127.0.0.1:{port}"),
                                    ([*other, "--token-file", self.folder / "none"], 2, "token_file")]:
            with self.subTest(flags):
                done = self.run_node("--port", "0", *map(str, flags), "--log-file", self.log)
                self.assertEqual(done.returncode, code)
                self.assertIn(wanted, done.stderr)
                self.assertIn(wanted, self.log.read_text())
                self.log.unlink()

    def test_json_lines(self):
        self.data.mkdir()
        (self.data / 'odd\n"name"').mkdir()
        node, _ = self.start("--log-file", self.log, "--log-format", "json")
        self.stop(node)
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        for line in lines:
            self.assertEqual(set(line), {"time", "level", "message"})
            self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d$")
        self.assertEqual(lines[-1]["message"], "stopped")
        self.assertEqual([line["level"] for line in lines if "odd" in line["message"]], ["warning"])

    def test_names_cannot_forge_lines(self):
        self.data.mkdir()
        (self.data / "odd\n2026-01-01T00:00:00.000+00:00 critical forged").mkdir()
        node, _ = self.start("--log-file", self.log)
        self.stop(node)
        text = self.log.read_text()
        self.assertIn("forged", text)
        for line in text.splitlines():
            self.assertNotRegex(line, r"^\S+ critical")

    def test_rotation(self):
        for _ in range(4):
            node, _ = self.start("--log-file", self.log, "--log-rotate-bytes", "150", "--log-rotate-files", "2")
            self.stop(node)
            (self.folder / "notify").unlink()
        files = sorted(p.name for p in self.folder.glob("node.log*"))
        self.assertEqual(files, ["node.log", "node.log.1", "node.log.2"])
        for name in files:
            self.assertLessEqual((self.folder / name).stat().st_size, 150)
            self.assertRegex((self.folder / name).read_text(), r"\A(\d{4}-\S+ info .*\n)+\Z")
        self.assertTrue(self.log.read_text().endswith(" info stopped\n"))


class Readiness(DeploymentTest):
    def test_ready_after_the_indexes_have_loaded_and_stopping_at_the_end(self):
        node, manager = self.start()
        self.stop(node)
        self.assertEqual(manager.next(), {"STOPPING": "1", "STATUS": "Shutting down"})

    def test_a_failed_index_is_named_and_does_not_keep_the_unit_from_being_ready(self):
        self.create_damaged_index("broken")
        node, _, told = self.start_and_listen()
        self.assertEqual(told["STATUS"], "Ready: 0 of 1 index; failed: broken")
        self.stop(node)

    def create_damaged_index(self, name):
        (self.data / name).mkdir(parents=True)
        (self.data / name / "current").write_bytes(b"damage")

    def test_abstract_socket(self):
        name = f"fpnode-test-{os.getpid()}"
        manager = Manager("\0" + name, "@" + name)
        self.addCleanup(manager.close)
        node, _ = self.start(manager=manager)
        self.stop(node)

    def test_a_socket_name_that_makes_no_sense(self):
        done = subprocess.run(self.command(), capture_output=True, text=True, timeout=DEADLINE,
                              env={**os.environ, "NOTIFY_SOCKET": "nowhere"})
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('NOTIFY_SOCKET: found "nowhere"', done.stderr)

    def test_not_ready_when_it_cannot_listen(self):
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        manager = self.manager()
        done = subprocess.run(self.command(port=taken.getsockname()[1]), capture_output=True, text=True,
                              timeout=DEADLINE, env={**os.environ, "NOTIFY_SOCKET": manager.name})
        self.assertEqual(done.returncode, 1)
        manager.socket.setblocking(False)
        with self.assertRaises(BlockingIOError):
            manager.next_with("READY")


class Installation(DeploymentTest):
    def install(self, prefix):
        destination = self.folder / "root"
        subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], check=True, capture_output=True,
                       env={**os.environ, "DESTDIR": destination})
        files = {"/" + str(p.relative_to(destination)) for p in destination.rglob("*") if p.is_file()}
        return destination, files

    @unittest.skipUnless(shutil.which("cmake"), "needs cmake")
    def test_files_of_a_system_installation(self):
        destination, files = self.install("/usr")
        self.assertLessEqual({"/usr/bin/fpnode", "/etc/fpnode/fpnode.json", "/usr/lib/systemd/system/fpnode.service",
                              "/usr/share/doc/fpnode/LICENSE", "/usr/share/doc/fpnode/README.md",
                              "/usr/share/doc/fpnode/SECURITY.md", "/usr/share/doc/fpnode/config/fpnode.json",
                              "/usr/share/doc/fpnode/config/README.md", "/usr/share/man/man1/fpctl.1.gz",
                              "/usr/share/man/man8/fpnode.8.gz",
                              "/usr/share/bash-completion/completions/fpctl"}, files)
        # What it names differs from the defaults: a file in which every default stands hides what an operator changed.
        settings = (destination / "etc/fpnode/fpnode.json").read_text()
        self.assertEqual(json.loads(re.sub(r"(?m)^\s*//.*$", "", settings)), {})
        page = gzip.decompress((destination / "usr/share/man/man1/fpctl.1.gz").read_bytes()).decode()
        self.assertIn(".SS fpctl status\n", page)
        for file in files:
            self.assertRegex(file, r"^(/usr/bin/|/usr/share/doc/fpnode/|/usr/lib/systemd/system/|/etc/fpnode/"
                                   r"|/usr/share/man/man[18]/|/usr/share/bash-completion/completions/fpctl$"
                                   r"|/usr/include/fpnode/|/usr/lib/(?:[^/]+/)?(?:cmake/)?fpnode/)")
        self.assertEqual((destination / "usr/lib/systemd/system/fpnode.service").read_text(),
                         (ROOT / "config/fpnode.service").read_text())
        done = self.run_node("--config", destination / "etc/fpnode/fpnode.json", "--check-config")
        self.assertEqual(done.returncode, 0, done.stderr)

    @unittest.skipUnless(shutil.which("cmake"), "needs cmake")
    def test_the_unit_names_what_was_installed(self):
        destination, _ = self.install("/opt/fp")
        unit = (destination / "opt/fp/lib/systemd/system/fpnode.service").read_text()
        self.assertIn("\nExecStart=/opt/fp/bin/fpnode --config /opt/fp/etc/fpnode/fpnode.json "
                      "--dir /var/lib/fpnode\n", unit)
        for name in re.findall(r"/opt/fp/(?:bin|etc)/\S+", unit):
            self.assertTrue((destination / name[1:]).is_file(), name)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "needs systemd-analyze")
    def test_the_unit_is_well_formed(self):
        unit = self.folder / "fpnode.service"
        text = (ROOT / "config/fpnode.service").read_text()
        unit.write_text(text.replace("/usr/bin/fpnode", str(FPNODE)))
        done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
