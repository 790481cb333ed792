#!/usr/bin/env bash
# Builds and runs the benchmarks; options and parts are handed to fpbench (see `build/fpbench --help`).
set -euo pipefail
cd "$(dirname "$0")/../.."
source app/packages.sh
install_packages "${build_packages[@]}"
cmake --preset release >/dev/null
cmake --build --preset release -j "$(nproc)" --target fpbench
build/fpbench "$@"
