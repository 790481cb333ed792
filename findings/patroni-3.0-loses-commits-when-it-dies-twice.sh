#!/usr/bin/env bash
# Patroni 3.0 in strict synchronous mode loses acknowledged commits when it dies twice.
#
# A Patroni that is started beside its running primary, as after a kill, first writes synchronous_standby_names = '*' and
# only then, in its first round, looks at which standby the cluster counts as synchronous, which stays in etcd meanwhile.
# If it dies in between, any standby acknowledges, but that one alone may be promoted: what the others have acknowledged
# is gone. (Without strict mode it is no standby at all that acknowledges meanwhile.) So systemd should start Patroni
# again, but not at once for ever, and a machine whose Patroni keeps dying should be taken out.
#
# Needs Debian 12 with the packages postgresql, patroni, etcd-server, python3-etcd, nftables and iproute2, and root, for
# namespaces that end with the script; asks etcd by its version 2. Seen, patroni 3.0.2-1, postgresql-15 15.18:
#
#   when it died again: synchronous_standby_names *, and in etcd the standby that is down
#   acknowledged: 1 row
#   after the failover: 0 rows
set -euo pipefail
modules=$(cd "$(dirname "$0")/../tests/system" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/run.py" <<'PYTHON'
import pathlib
import subprocess
import sys

import requests

import network
import patroni_cluster
import postgres_server

folder = pathlib.Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=711", "tmpfs", folder], check=True)
network.make_bridge()
cluster = patroni_cluster.PatroniCluster([network.Machine(f"d{i}") for i in (1, 2, 3)], folder)
cluster.start()
leader = cluster.leader()


def ask(statement):
    words = [postgres_server.programs() / "psql", "-XqAt", "-h", leader.machine.address, "-U", "postgres", "-c", statement]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout.strip()


standby = next(m for m in cluster.members if m.name == ask("show synchronous_standby_names"))
ask("create table probe(x int)")
postgres_log = leader.patroni
leader.kill_patroni()
leader.start_patroni()
postgres_log.wait_for(r'"synchronous_standby_names" changed to "\*"')
leader.kill_patroni()
standby.freeze_patroni()
standby.kill_postgres()
key = requests.get(f"http://{standby.machine.address}:2379/v2/keys/service/fpnode/sync", timeout=10).json()
named = "the standby that is down" if f'"{standby.name}"' in key["node"]["value"].split("sync_standby")[1] else "another"
print(f"when it died again: synchronous_standby_names {ask('show synchronous_standby_names')}, and in etcd {named}")
ask("insert into probe values (1)")
print("acknowledged: 1 row")
leader.kill_postgres()
standby.thaw_patroni()
standby.patroni.wait_for("promoted self")
print(f"after the failover: {cluster.sql('select count(*) from probe')[0][0]} rows")
cluster.close()
PYTHON
seen=$(PYTHONPATH=$modules setpriv --pdeathsig=KILL unshare --net --mount --ipc --pid --fork --kill-child --mount-proc \
  sh -c '"$@"; exit $?' sh /usr/bin/python3 "$work/run.py" "$work" 2>"$work/errors") || { cat "$work/errors" >&2; exit 1; }
expected='when it died again: synchronous_standby_names *, and in etcd the standby that is down
acknowledged: 1 row
after the failover: 0 rows'
echo "$seen"
[ "$seen" = "$expected" ] || { echo "the behaviour has changed; expected:"; echo "$expected"; exit 1; }
