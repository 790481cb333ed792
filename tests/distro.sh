#!/usr/bin/env bash
# Tries the project on a release of Debian, in a folder made by debootstrap that is removed at the end: both commands of
# the README, then the Debian package, which is installed and whose node is started. As root, outside CI: it takes about
# an hour on two cores.
#
#   tests/distro.sh [bookworm|trixie]     default: trixie
set -euo pipefail
cd "$(dirname "$0")/.."
release=${1:-trixie}

if [ -z "${FPNODE_DISTRO_ROOT:-}" ]; then
  source app/packages.sh
  install_packages debootstrap git
  root=$(mktemp -d)
  # Users in there who are not root pass through it, too: PostgreSQL's.
  chmod 755 "$root"
  trap 'rm -rf --one-file-system "$root"' EXIT
  # What is mounted and started in there ends with it.
  FPNODE_DISTRO_ROOT=$root unshare --mount --propagation private --pid --fork --kill-child "$0" "$release"
  exit
fi

root=$FPNODE_DISTRO_ROOT
debootstrap --variant=minbase "$release" "$root"
# This machine's way to the packages.
apt-config dump Acquire >"$root/etc/apt/apt.conf.d/00acquire"
cp /etc/resolv.conf "$root/etc/resolv.conf"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /dev "$root/dev"
git clone -q --no-hardlinks . "$root/src"

inside() {
  chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 bash -euc "cd /src; $1"
}
inside 'app/quickstart.sh'
inside 'tests/run.sh'
inside '
  source app/packages.sh
  install_packages "${package_packages[@]}"
  cmake --preset package -DFPNODE_UNITY=ON
  cmake --build --preset package -j "$(nproc)"
  cpack --preset package
  apt-get install -y -qq ./build-package/fpnode_*.deb
  data=$(mktemp -d)
  coproc fpnode --config /etc/fpnode/fpnode.json --dir "$data" 2>&1
  node=$COPROC_PID
  while IFS= read -r line <&"${COPROC[0]}"; do
    echo "$line"
    case $line in *"listening for remote actors on"*) break ;; esac
  done
  fpctl index create trial
  fpctl shutdown
  wait "$node"
'
printf '\n== %s: all of it\n' "$release"
