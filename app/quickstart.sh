#!/usr/bin/env bash
# Shows the whole job on a fresh machine with Debian 12 or 13, as root or with sudo: installs what is missing, builds,
# starts a node from its configuration file, ingests 625 tracks of real music over the network, identifies 400 degraded
# clips of them, restarts the node, which loads its segments in parallel, identifies the clips again, and names a clip of
# a folder of songs.
#
#   app/quickstart.sh [BUILD_FOLDER]      default: build
set -euo pipefail
cd "$(dirname "$0")/.."
source app/packages.sh
build=${1:-build}

say() { printf '\n== %s\n' "$*"; }

say "packages"
install_packages "${build_packages[@]}" "${audio_packages[@]}" python3

say "build"
configure_release "$build"
cmake --build "$build" -j "$(nproc)" --target fpnode fpctl

work=$(mktemp -d)
node_pid=
cleanup() {
  [ -z "$node_pid" ] || kill "$node_pid" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

# The shipped configuration with a data folder of its own, free ports, and checkpoints small enough that these few
# tracks make several segments.
start_node() {
  mkfifo "$work/log.fifo"
  "$build/fpnode" --config config/fpnode.json --dir "$work/data" --caf-port 0 --port 0 --checkpoint-threshold 50000 \
    --min-segment-size 1000 --segments-per-level 32 --idle-merge-after-ms 0 "$@" 2>"$work/log.fifo" &
  node_pid=$!
  # The node says when it listens; everything it logs is kept.
  exec 3<"$work/log.fifo"
  rm "$work/log.fifo"
  local line
  while IFS= read -r line <&3; do
    printf '%s\n' "$line" >>"$work/node.log"
    case $line in
      *"listening for remote actors on"*) port=${line##*:}; break ;;
    esac
  done
  [ -n "${port:-}" ] || { cat "$work/node.log" >&2; echo "the node did not start" >&2; exit 1; }
  cat <&3 >>"$work/node.log" &
}

stop_node() {
  kill -TERM "$node_pid"
  wait "$node_pid"
  node_pid=
  exec 3<&-
  port=
}

ctl() { "$build/fpctl" --port "$port" "$@"; }

say "start a node, create an index"
start_node
grep -h "listening" "$work/node.log"
ctl index create music

say "ingest 625 tracks over the network"
ctl --json ingest music tests/data/fingerprints.txt.gz --batch 25 --checkpoint >"$work/ingest.json"
ctl index info music

say "identify 400 degraded clips"
ctl search music --file tests/data/clips.tsv.gz --expect | tail -n 6

say "stop the node and start it again: loading in parallel"
stop_node
start_node
ctl watch music
ctl --json index list >/dev/null
ctl --json status >"$work/status.json"
ctl --json watch music >"$work/parallel.json"
grep -hE "using .* loading|loaded segment|ready at" "$work/node.log" | sed 's/^[^ ]* [^ ]* /  /'

say "identify the clips again"
ctl --json search music --file tests/data/clips.tsv.gz --expect >"$work/clips.json"

say "names: a folder of songs in, the name of a clip out"
PYTHONPATH=tests/system /usr/bin/python3 - "$work/songs" <<'SONGS'
import pathlib
import sys

from sound import write_song

for name in "Winter Sky", "Two Rivers", "Old Road":
    write_song(pathlib.Path(sys.argv[1]) / f"{name}.wav", name, seconds=40)
SONGS
ffmpeg -v error -ss 20 -t 10 -i "$work/songs/Two Rivers.wav" -b:a 64k "$work/clip.mp3"
ctl add songs "$work/songs" --library "$work/library.sqlite" 2>/dev/null
ctl identify songs "$work/clip.mp3" --library "$work/library.sqlite" | tee "$work/name.txt"
grep -q '"Two Rivers".* at 0:20, sure' "$work/name.txt"

say "and once more, loading sequentially, to compare"
stop_node
start_node --parallel-loading off
ctl --json watch music >"$work/sequential.json"
stop_node

/usr/bin/python3 app/quickstart_table.py "$work/ingest.json" "$work/parallel.json" "$work/sequential.json" "$work/clips.json"
