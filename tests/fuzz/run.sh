#!/usr/bin/env bash
# Builds the fuzz targets with clang and libFuzzer and runs each of them for some time; installs clang if it is missing.
#
#   tests/fuzz/run.sh SECONDS [TARGET...]     default: every target
#
# Inputs that fail are left in build-fuzz/findings/; what was learnt stays in build-fuzz/corpus/ for the next run.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ $# -ge 1 ] || { sed -n 2,6p "$0" >&2; exit 2; }
seconds=$1
shift
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  for file in tests/fuzz/targets/*.cpp; do targets+=("$(basename "$file" .cpp)"); done
fi

source app/packages.sh
install_packages "${build_packages[@]}" "${fuzz_packages[@]}"
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz -j "$(nproc)" --target make_seeds "${targets[@]/#/fuzz_}"
find build-fuzz -name 'make_seeds' -type f -exec {} build-fuzz/fuzz-seeds \;
mkdir -p build-fuzz/findings

fuzz() {
  local corpus=build-fuzz/corpus/$1 log=build-fuzz/findings/$1.log regressions=tests/fuzz/regressions/$1
  mkdir -p "$corpus"
  local folders=("$corpus" "build-fuzz/fuzz-seeds/$1")
  [ ! -d "$regressions" ] || folders+=("$regressions")
  if build-fuzz/tests/fuzz/fuzz_"$1" -max_total_time="$seconds" -timeout=25 -rss_limit_mb=2048 -max_len=65536 \
    -print_final_stats=1 -artifact_prefix=build-fuzz/findings/"$1"- "${folders[@]}" >"$log" 2>&1; then
    echo "$1: nothing found, $(awk '/number_of_executed_units/ {print $2}' "$log") inputs"
  else
    echo "$1: FOUND SOMETHING, see $log"
    return 1
  fi
}
export -f fuzz
export seconds
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I{} bash -c 'fuzz {}'
