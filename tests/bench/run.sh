#!/usr/bin/env bash
# Builds and runs all benchmarks, and makes out/bench/report.json, report.md and charts/*.svg of their figures.
#
#   tests/bench/run.sh [--quick | --huge] [--items N] [--music-items N] [--node-items N] [--documents N]
#                      [--rounds N] [--folder FOLDER] [--out FOLDER]
#
# --quick: small sizes. --huge: besides, a billion items in files (11 GB of disk, 12 GB of memory). --items and
# --music-items: largest indexes that fpbench_core searches; --node-items: what a node loads and searches; --documents:
# what is ingested. --folder: where data goes while the benchmarks run.
set -euo pipefail

items=100000000 music_items=50000000 node_items=50000000 documents=5000000 rounds=5 queries=4000 turns=5 seconds=5
sizes=1000000,10000000 file_items=10000000,100000000
rest_items=20000000 growth=(--growth-segments 1000 --growth-documents 500000 --traffic-scale 200)
folder=${TMPDIR:-/tmp} out=out/bench
while [ $# -gt 0 ]; do
  case $1 in
    --quick)
      items=4000000 music_items=2000000 node_items=1000000 documents=20000 rounds=3 queries=500 turns=1 seconds=1
      sizes=1000000 file_items=4000000
      rest_items=2000000 growth=(--growth-segments 100 --growth-documents 20000 --traffic-scale 2000)
      ;;
    --huge) file_items+=,1000000000 ;;
    --items) items=$2 && shift ;;
    --music-items) music_items=$2 && shift ;;
    --node-items) node_items=$2 && shift ;;
    --documents) documents=$2 && shift ;;
    --rounds) rounds=$2 && shift ;;
    --folder) folder=$(realpath "$2") && shift ;;
    --out) out=$(realpath -m "$2") && shift ;;
    *) sed -n '2,/^set/{/^#/p}' "$0" && exit 2 ;;
  esac
  shift
done

cd "$(dirname "$0")/../.."
source app/packages.sh
install_packages "${build_packages[@]}" "${bench_packages[@]}"
cmake --preset release -DFPNODE_BENCH=ON >/dev/null
cmake --build --preset release -j "$(nproc)" --target fpbench_core fpbench_changelog fpbench fpbench_node fpbench_bare_server fpnode fpctl

mkdir -p "$out"
figures=$(realpath "$out")/figures.jsonl
rm -f "$figures"
echo "== core" && build/fpbench_core --json "$figures" --folder "$folder" --rounds "$rounds" --queries "$queries" \
  --postings "$sizes,$items" --music-postings "$music_items" --file-postings "$file_items" --rest-postings "$rest_items" \
  --near-postings "$items" "${growth[@]}"
echo "== changelog" && build/fpbench_changelog --json "$figures" --folder "$folder" --rounds "$rounds"
# A load takes milliseconds: a neighbour's slice of a core would be a third of a few rounds.
echo "== actors" && build/fpbench --json "$figures" --folder "$folder" --rounds "$((rounds * 3))" --postings "$node_items" loading
build/fpbench --json "$figures" --folder "$folder" --rounds "$rounds" --postings "$node_items" ingest
echo "== node" && build/fpbench_node --json "$figures" --folder "$folder" --rounds "$rounds" --items "$node_items" \
  --documents "$((documents / 10))" --seconds "$seconds" path writers replay upkeep memory rest
# Once: it takes a minute for each way in, and its chart shows how steady the rate is.
build/fpbench_node --json "$figures" --folder "$folder" --rounds 1 --documents "$documents" ingest
echo "== HTTP" && /usr/bin/python3 tests/bench/http/http_load.py --json "$figures" --items "$node_items" \
  --rounds "$turns" --seconds "$seconds"
/usr/bin/python3 tests/bench/report/make_report.py "$figures" "$out"
echo "$out/report.md"
