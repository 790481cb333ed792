#!/usr/bin/env bash
# Builds and runs the benchmarks: searches with fpbench_core, whose options it takes, then the node's with fpbench and
# its defaults (see `build/fpbench_core --help` and `build/fpbench --help`).
set -euo pipefail
cd "$(dirname "$0")/../.."
source app/packages.sh
install_packages "${build_packages[@]}"
cmake --preset release >/dev/null
cmake --build --preset release -j "$(nproc)" --target fpbench_core fpbench
build/fpbench_core "$@"
build/fpbench
