#!/usr/bin/env bash
# Builds what the HTTP load test needs, installs wrk where it is missing, and runs it (see http_load.py --help).
set -euo pipefail
cd "$(dirname "$0")/../../.."
source app/packages.sh
install_packages "${build_packages[@]}" "${bench_packages[@]}"
cmake --preset release -DFPNODE_BENCH=ON >/dev/null
cmake --build --preset release -j "$(nproc)" --target fpnode fpctl fpbench_node fpbench_bare_server
/usr/bin/python3 tests/bench/http/http_load.py "$@"
