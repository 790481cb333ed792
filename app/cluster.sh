#!/usr/bin/env bash
# Shows several nodes with one index, on one machine with Debian 12 or 13, as root or with sudo: installs what is missing,
# builds, starts PostgreSQL in a folder of its own and three nodes that follow one changelog in it, writes at each of them,
# kills a node and starts it again, kills PostgreSQL and starts it again, and shows that every node has everything.
#
#   app/cluster.sh [BUILD_FOLDER]      default: build; a folder that has the programs is taken as it is
set -euo pipefail
cd "$(dirname "$0")/.."
source app/packages.sh
build=${1:-build}

say() { printf '\n== %s\n' "$*"; }

say "packages"
install_packages "${build_packages[@]}" postgresql curl

if [ -z "${1:-}" ] || [ ! -x "$build/fpnode" ]; then
  say "build"
  configure_release "$build"
  cmake --build "$build" -j "$(nproc)" --target fpnode fpctl
fi

work=$(mktemp -d)
chmod 711 "$work"
declare -A pid port http
postmaster=
cleanup() {
  for p in "${pid[@]}"; do kill "$p" 2>/dev/null || true; done
  for p in "${pid[@]}"; do wait "$p" 2>/dev/null || true; done
  # It removes what it has of the machine's shared memory.
  [ -z "$postmaster" ] || ! kill -QUIT "$postmaster" 2>/dev/null || wait "$postmaster" || true
  rm -rf "$work"
}
trap cleanup EXIT

# -- PostgreSQL, which refuses to run as root. It is reached by a socket in its folder, and by no port.
server=$work/postgres
programs=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
mkdir "$server"
as_server() {
  if [ "$(id -u)" -ne 0 ]; then exec "$@"; else exec setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; fi
}
start_postgres() {
  (as_server "$programs/postgres" -D "$server/data" -k "$server" -c listen_addresses= -c shared_buffers=32MB) \
    2>"$work/postgres.log" &
  postmaster=$!
  wait_for postgres "database system is ready"
}
kill_postgres() {
  kill -KILL "$postmaster" $(cat "/proc/$postmaster/task/$postmaster/children")
  { wait "$postmaster" || true; } 2>/dev/null
}

# wait_for NAME PATTERN: the first line of a log with that, past or future.
wait_for() {
  local log reader found=0
  exec {log}< <(exec timeout 60 tail -n +1 -f "$work/$1.log")
  reader=$!
  grep -m 1 -hE "$2" <&"$log" || found=1
  exec {log}<&-
  kill "$reader" 2>/dev/null || true
  [ $found = 0 ] || { cat "$work/$1.log" >&2; echo "$1 does not log \"$2\"" >&2; exit 1; }
}

# -- Nodes
start_node() {
  local name=$1 log line
  mkfifo "$work/$name.fifo"
  "$build/fpnode" --dir "$work/$name" --caf-port 0 --port 0 --changelog "$FPCTL_CHANGELOG" 2>"$work/$name.fifo" &
  pid[$name]=$!
  # The node says when it listens; everything it logs is kept.
  exec {log}<"$work/$name.fifo"
  rm "$work/$name.fifo"
  port[$name]= http[$name]=
  while IFS= read -r line <&"$log"; do
    printf '%s\n' "$line" >>"$work/$name.log"
    case $line in
      *"listening for remote actors on"*) port[$name]=${line##*:} ;;
      *"listening for HTTP on"*) http[$name]=${line##*:} ;;
    esac
    [ -z "${port[$name]}" ] || [ -z "${http[$name]}" ] || break
  done
  [ -n "${http[$name]}" ] || { cat "$work/$name.log" >&2; echo "node $name did not start" >&2; exit 1; }
  cat <&"$log" >>"$work/$name.log" &
}

# ask NODE METHOD PATH [BODY]: the answer; its status is the last line.
ask() {
  curl -sS -m 60 -X "$2" -H 'Content-Type: application/json' ${4:+-d "$4"} -w '\n%{http_code}\n' \
    "http://127.0.0.1:${http[$1]}$3"
}
# write NODE ID: a document with one hash, its id. Prints the version of the index.
write() {
  local answer
  answer=$(ask "$1" POST /music/_update "{\"changes\": [{\"insert\": {\"id\": $2, \"hashes\": [$2]}}]}")
  [ "${answer##*$'\n'}" = 200 ] || { echo "node $1 refuses document $2: $answer" >&2; return 1; }
  sed -n 's/.*"version":\([0-9]*\).*/\1/p' <<<"$answer"
}
# has NODE ID VERSION: the node, at that version or a newer one, finds a document.
has() {
  local answer
  answer=$(ask "$1" POST "/music/_search?min_version=$3" "{\"query\": [$2], \"timeout\": 30000}")
  grep -q "\"id\":$2," <<<"$answer" || { echo "node $1 has no document $2: $answer" >&2; exit 1; }
}
# Whether each of these nodes has all documents that were written one by one.
check() {
  local name document
  for name in "$@"; do
    for document in $(seq 900001 $((id - 1))); do
      has "$name" "$document" "$version"
    done
    echo "node $name has all $((id - 900001)) of them, at version $version"
  done
}

say "PostgreSQL in a folder of its own, and a changelog in it"
[ "$(id -u)" -ne 0 ] || chown postgres: "$server"
(as_server "$programs/initdb" -D "$server/data" -U fpnode -A trust --encoding=UTF8 >/dev/null)
start_postgres
export FPCTL_CHANGELOG="postgresql://fpnode@/postgres?host=$server"
"$build/fpctl" changelog init

say "three nodes that follow it"
for name in a b c; do
  start_node $name
  grep -h "listening for HTTP" "$work/$name.log"
done

say "an index, made at one node and written to at each"
ask a PUT /music | head -n 1
for name in b c; do wait_for $name "music: created"; done
"$build/fpctl" --port "${port[a]}" ingest music tests/data/fingerprints.txt.gz --batch 25 2>/dev/null
id=900001
for name in a b c; do version=$(write $name $id) && : $((id++)); done
check a b c
"$build/fpctl" --port "${port[c]}" search music --file tests/data/clips.tsv.gz --expect | tail -n 1

say "node b is killed; the others go on"
kill -KILL "${pid[b]}"
{ wait "${pid[b]}" || true; } 2>/dev/null
for name in a c; do version=$(write $name $id) && : $((id++)); done
check a c
start_node b
"$build/fpctl" --port "${port[b]}" watch music | tail -n 1
check b

say "PostgreSQL is killed: searches go on, and writes wait"
kill_postgres
(write a $id >"$work/version") &
waiting=$!
for name in a b c; do has $name 900001 0 && echo "node $name answers searches"; done
[ ! -s "$work/version" ] || { echo "a write was acknowledged without PostgreSQL" >&2; exit 1; }
start_postgres
wait $waiting
version=$(cat "$work/version")
echo "the write that waited is version $version"
: $((id++))
for name in a b c; do version=$(write $name $id) && : $((id++)); done
check a b c

say "what the changelog has"
"$build/fpctl" changelog status

say "result"
echo "3 nodes have the same index, $((id - 900001 + 625)) documents at version $version"
