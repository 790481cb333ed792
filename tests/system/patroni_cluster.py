"""PostgreSQL with a synchronous standby and failover: Patroni on etcd, a member a machine.

etcd is asked by its API of version 2, whose compare-and-set Patroni 3.0 takes the leader's key by; by version 3 it
overwrites the key, and a primary that was stalled takes the lead back from one that has acknowledged more.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess

import requests

from postgres_server import as_server, family, kill_family, programs, send_all
from support import PATIENCE, Daemon

MISSING = [p for p in ("/usr/bin/patroni", "/usr/bin/etcd", "/usr/sbin/nft") if not os.path.exists(p)]
SCOPE = "fpnode"


class Member:
    """A machine with etcd, Patroni and the PostgreSQL that Patroni starts."""

    def __init__(self, machine, folder):
        self.machine = machine
        self.name = machine.name
        self.folder = folder / self.name
        self.folder.mkdir()
        shutil.chown(self.folder, "postgres", "postgres")
        self.data = self.folder / "data"
        self.etcd = self.patroni = None
        self._ended = {"etcd": [], "patroni": []}

    def daemons(self):
        """All that there have been, by program."""
        return {"etcd": [*self._ended["etcd"], self.etcd], "patroni": [*self._ended["patroni"], self.patroni]}

    def start_etcd(self, members):
        url = f"http://{self.machine.address}"
        everybody = ",".join(f"{m.name}=http://{m.machine.address}:2380" for m in members)
        self.etcd = Daemon([*self.machine.within, "etcd", "--name", self.name, "--data-dir", self.folder / "etcd",
                            "--enable-v2=true", "--listen-client-urls", f"{url}:2379", "--advertise-client-urls",
                            f"{url}:2379", "--listen-peer-urls", f"{url}:2380", "--initial-advertise-peer-urls",
                            f"{url}:2380", "--initial-cluster", everybody, "--initial-cluster-state", "new",
                            "--heartbeat-interval", "200", "--election-timeout", "2000"])

    def write_configuration(self, members):
        address = self.machine.address
        configuration = {
            "scope": SCOPE, "name": self.name,
            "restapi": {"listen": f"{address}:8008", "connect_address": f"{address}:8008"},
            "etcd": {"hosts": [f"{m.machine.address}:2379" for m in members]},
            "bootstrap": {
                "dcs": {"ttl": 10, "loop_wait": 2, "retry_timeout": 3, "maximum_lag_on_failover": 1 << 20,
                        "synchronous_mode": True, "synchronous_mode_strict": True,
                        "postgresql": {"use_pg_rewind": True, "use_slots": True}},
                "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, "data-checksums"],
            },
            "postgresql": {
                "listen": f"{address}:5432", "connect_address": f"{address}:5432", "data_dir": str(self.data),
                "bin_dir": str(programs()), "pgpass": str(self.folder / "pgpass"),
                "authentication": {"superuser": {"username": "postgres"}, "replication": {"username": "replicator"}},
                "pg_hba": ["local all all trust", "host all all 198.18.0.0/24 trust",
                           "host replication all 198.18.0.0/24 trust"],
                "parameters": {"unix_socket_directories": str(self.folder), "shared_buffers": "32MB",
                               "dynamic_shared_memory_type": "mmap", "wal_keep_size": "256MB"},
                "remove_data_directory_on_rewind_failure": True,
                "remove_data_directory_on_diverged_timelines": True,
            },
            "watchdog": {"mode": "off"},
        }
        (self.folder / "patroni.json").write_text(json.dumps(configuration))

    def start_patroni(self):
        self.patroni = Daemon([*self.machine.within, *as_server("setpriv", "--pdeathsig=KILL", "patroni",
                                                                self.folder / "patroni.json")], cwd="/",
                              stdout=subprocess.DEVNULL)

    def postmaster(self):
        """Its process; None while there is none."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split()[0])
        except (FileNotFoundError, IndexError):
            return None
        return pid if pathlib.Path(f"/proc/{pid}").exists() else None

    def kill_postgres(self):
        if pid := self.postmaster():
            kill_family(pid)

    def freeze_postgres(self):
        self.frozen = family(pid) if (pid := self.postmaster()) else []
        send_all(self.frozen, signal.SIGSTOP)

    def thaw_postgres(self):
        send_all(reversed(self.frozen), signal.SIGCONT)

    def start_patroni_again(self):
        """Beside a PostgreSQL that has gone on. A primary takes any standby for its synchronous one until Patroni has
        gone its first round; should Patroni die before, another one is promoted, and acknowledged commits are lost."""
        self.start_patroni()
        self.patroni.wait_for("INFO: (no action|promoted|demoted|following|starting|started|acquired|trying|waiting)")

    def kill_patroni(self):
        """Without its PostgreSQL, which goes on, and on writing to Patroni's log."""
        if self.patroni:
            self.patroni.process.kill()
            self.patroni.process.wait()
            self._ended["patroni"].append(self.patroni)

    def freeze_patroni(self):
        self.patroni.process.send_signal(signal.SIGSTOP)

    def thaw_patroni(self):
        self.patroni.process.send_signal(signal.SIGCONT)

    def kill_etcd(self):
        self.etcd.kill()
        self._ended["etcd"].append(self.etcd)

    def close(self):
        self.kill_patroni()
        self.kill_postgres()
        if self.etcd:
            self.etcd.kill()


class PatroniCluster:
    def __init__(self, machines, folder):
        self.members = [Member(m, folder) for m in machines]

    def start(self):
        for m in self.members:
            m.start_etcd(self.members)
        for m in self.members:
            m.etcd.wait_for("ready to serve client requests|serving insecure client requests")
            m.write_configuration(self.members)
        first, *others = self.members
        first.start_patroni()
        first.patroni.wait_for("the leader with the lock")
        for m in others:
            m.start_patroni()
        for m in others:
            m.patroni.wait_for("a secondary, and following a leader")
        first.patroni.wait_for("Synchronous standby status assigned")

    def close(self):
        for m in self.members:
            m.close()

    @property
    def url(self):
        return f"postgresql://postgres@{','.join(m.machine.address for m in self.members)}/postgres"

    def leader(self):
        """Who has the leader's key; None while nobody has."""
        for m in self.members:
            try:
                answer = requests.get(f"http://{m.machine.address}:2379/v2/keys/service/{SCOPE}/leader", timeout=5)
                if answer.status_code == 200:
                    name = answer.json()["node"]["value"]
                    return next(m for m in self.members if m.name == name)
            except requests.RequestException:
                pass
        return None

    def sql(self, text):
        """Rows of text, of statements that the primary ran; it waits until there is one."""
        url = f"{self.url}?target_session_attrs=read-write&connect_timeout=5"
        done = subprocess.run([programs() / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", text, url],
                              capture_output=True, text=True, timeout=PATIENCE)
        if done.returncode != 0:
            raise AssertionError(f"{text}: {done.stderr}")
        return [line.split("|") for line in done.stdout.splitlines()]
