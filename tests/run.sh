#!/usr/bin/env bash
# Installs what is missing, builds everything, and runs all tests. For Debian 12 or 13, as root or with
# sudo.
#
#   tests/run.sh            everything: core/ and the programs as they ship, all unit tests under sanitizers
#   tests/run.sh --quick    all unit tests of a release build, and nothing else
set -euo pipefail
cd "$(dirname "$0")/.."
source app/packages.sh

quick=no
[ "${1:-}" = --quick ] && quick=yes

say() { printf '\n== %s (after %s s)\n' "$*" "$SECONDS"; }

say "packages"
install_packages "${build_packages[@]}" "${test_packages[@]}"

jobs=$(nproc)
# Newer compilers may warn of what those that the project is tested with do not.
settings=()
[ -z "${CI:-}" ] || settings+=(-DFPNODE_WERROR=ON)
# Thousands of small durable writes: tests that need no real disk do them in memory, where there is room.
if [ -w /dev/shm ] && [ "$(df --output=avail -k /dev/shm | tail -1)" -gt 1000000 ]; then unit_tmp=/dev/shm; fi
unit_tests() { TMPDIR=${unit_tmp:-${TMPDIR:-/tmp}} ctest --preset "$1" -LE system -j "$jobs"; }
# System tests wait more than they work.
system_tests() {
  ctest --preset release -L system -j "$((2 * jobs))"
  echo "skipped:"
  grep -h "\.\.\. skipped" build/Testing/Temporary/LastTest.log | sort || true
}

say "sources"
tests/check_sources.py

if [ $quick = yes ]; then
  say "unit tests of a release build"
  configure_release build "${settings[@]}" -DFPNODE_CORE_TESTS=OFF
  cmake --build --preset release -j "$jobs"
  unit_tests release
  exit
fi

# Unit tests of what is not core/ run under sanitizers alone: what ships of that is tried by the system tests, and
# compiling those tests twice would take a fifth of the time of all.
say "release build"
configure_release build "${settings[@]}" -DFPNODE_CORE_TESTS=ON
cmake --build --preset release -j "$jobs"
say "core as it ships"
unit_tests release

say "system tests: real processes over real sockets"
system_tests

say "core and servers under ThreadSanitizer"
cmake --preset tsan "${settings[@]}"
cmake --build --preset tsan -j "$jobs" --target unit_tests
unit_tests tsan

say "everything under AddressSanitizer and UndefinedBehaviorSanitizer"
cmake --preset asan "${settings[@]}"
cmake --build --preset asan -j "$jobs" --target unit_tests
unit_tests asan

say "all tests passed"
