"""A PostgreSQL server of a test's own, by the user "postgres" where the test runs as root, whom PostgreSQL refuses."""

import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess

from support import PATIENCE, Daemon


def programs():
    """The folder of the newest version's programs, by Debian's layout; None without one."""
    found = pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres")
    return max((p.parent for p in found), key=lambda p: int(p.parent.name), default=None)


def as_server(*words):
    """A command as the server's user."""
    if os.getuid() != 0:
        return list(words)
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *words]


def family(pid):
    """A process and all that it has started, and those, parents first."""
    found = [pid]
    for p in found:
        try:
            for task in pathlib.Path(f"/proc/{p}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def send_all(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def kill_family(pid):
    """Kills a process and all that it has started, and returns when those have ended."""
    # So that it makes no further ones.
    send_all([pid], signal.SIGSTOP)
    ends = []
    for p in family(pid):
        try:
            ends.append(os.pidfd_open(p))
        except ProcessLookupError:
            continue
        send_all([p], signal.SIGKILL)
    for e in ends:
        select.select([e], [], [], PATIENCE)
        os.close(e)


class PostgresServer:
    def __init__(self, folder, *settings):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self.data = self.folder / "data"
        made = subprocess.run(as_server(programs() / "initdb", "-D", self.data, "-U", "fpnode", "-A", "trust",
                                        "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"),
                              cwd="/", capture_output=True, text=True, timeout=PATIENCE)
        if made.returncode != 0:
            raise AssertionError(made.stderr)
        # Held from now on, so that nobody else's port is this one while the server is down.
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind(("127.0.0.1", 0))
        self.port = self._reserved.getsockname()[1]
        # What the kernel has survives a kill.
        self._settings = [f"--{s}" for s in ("listen_addresses=127.0.0.1", "shared_buffers=32MB",
                                             "dynamic_shared_memory_type=mmap", "fsync=off", *settings)]
        self.process = None
        self.start()

    def start(self):
        self.process = Daemon(as_server("setpriv", "--pdeathsig=QUIT", programs() / "postgres", "-D", self.data, "-k",
                                        self.folder, "-p", self.port, *self._settings), cwd="/")
        self.process.wait_for("ready to accept connections")

    @property
    def url(self):
        return f"postgresql://fpnode@127.0.0.1:{self.port}/postgres"

    def sql(self, text):
        """Rows of text, of one statement or several."""
        done = subprocess.run([programs() / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", text, self.url],
                              capture_output=True, text=True, timeout=PATIENCE)
        if done.returncode != 0:
            raise AssertionError(f"{text}: {done.stderr}")
        return [line.split("|") for line in done.stdout.splitlines()]

    def freeze(self):
        send_all(family(self.process.process.pid), signal.SIGSTOP)

    def thaw(self):
        send_all(reversed(family(self.process.process.pid)), signal.SIGCONT)

    def kill(self):
        """All its processes, as if the machine had lost its power, but for the page cache."""
        kill_family(self.process.process.pid)
        self.process.wait()

    def close(self):
        if self.process.process.poll() is None:
            # It removes what it has of the machine's shared memory.
            self.thaw()
            self.process.process.send_signal(signal.SIGQUIT)
            self.process.wait()
        self._reserved.close()
