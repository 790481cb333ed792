# What Debian 12 and 13 and Ubuntu 24.04 need to build, run and test fpnode, and how a build begins; sourced by the
# scripts.

build_packages=(g++ cmake ninja-build libcaf-dev libssl-dev libspdlog-dev nlohmann-json3-dev libxxhash-dev
  libroaring-dev zlib1g-dev libcli11-dev libgtest-dev libgmock-dev libsimdjson-dev libsqlite3-dev
  libpq-dev libchromaprint-dev ccache)
# Debian 12 names an older one by default.
case $(. /etc/os-release && echo "${VERSION_CODENAME:-}") in
  bookworm) build_packages+=(libboost1.81-dev) ;;
  *) build_packages+=(libboost-dev) ;;
esac
# What fpctl fingerprints sound by; it builds and runs without them.
audio_packages=(ffmpeg libchromaprint1 libchromaprint-tools)
test_packages=(git clang-format curl openssl python3 python3-requests python3-msgpack python3-selenium chromium
  chromium-driver prometheus postgresql "${audio_packages[@]}")
# For the Debian package alone.
package_packages=(dpkg-dev file)
# For tests/bench/run.sh alone.
bench_packages=(prometheus-cpp-dev python3 wrk postgresql)
# For tests/system/test_patroni_faults.py in full size alone.
failover_packages=(postgresql patroni etcd-server python3-etcd nftables iproute2 "${test_packages[@]}")
# For tests/fuzz/run.sh alone.
fuzz_packages=(clang libclang-rt-dev)

# Installs those of the named packages that are missing.
install_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
  if [ ${#missing[@]} -eq 0 ]; then
    echo "all packages are there"
    return
  fi
  echo "installing: ${missing[*]}"
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "run this as root, or install sudo" >&2; return 1; }
    sudo=(sudo)
  fi
  "${sudo[@]}" apt-get update -qq
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

# Configures a release build in a folder, with further settings. From scratch, several units at a time take half as
# long as one by one; a folder that somebody builds on stays as it is.
configure_release() {
  local unity=()
  [ -e "$1/CMakeCache.txt" ] || unity=(-DFPNODE_UNITY=ON)
  cmake --preset release -B "$1" "${unity[@]}" "${@:2}"
}
