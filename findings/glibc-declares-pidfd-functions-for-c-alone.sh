#!/usr/bin/env bash
# glibc's <sys/pidfd.h> declares its functions for C alone: C++ programs that include it do not link.
#
# The header lacks the linkage specification that glibc's other headers have (__BEGIN_DECLS). A C++ compiler takes
# pidfd_open, pidfd_send_signal and pidfd_getfd for C++ functions and asks the linker for their mangled names, which
# no library has; it warns of nothing. The same source in C links. Including the header between the braces of
# extern "C" helps, and so does the system call by its number. Its guard is tested and never defined, besides, so a
# second inclusion declares everything again.
#
# Needs Debian 12 on amd64 with apt, gcc and g++; downloads the headers into a temporary folder and installs nothing.
# Seen:
#
#   libc6-dev 2.36-9+deb12u14
#   asked of the linker in C: pidfd_open; in C++: _Z10pidfd_openij; in C++ inside extern "C": pidfd_open
set -euo pipefail
version=2.36-9+deb12u14
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"

apt-get download -q "libc6-dev=$version" >/dev/null 2>&1
dpkg -x ./*.deb root
headers=root/usr/include

cat >plain.c <<'UNIT'
#include <sys/pidfd.h>
int main(void) { return pidfd_open(1, 0) < 0; }
UNIT
cp plain.c plain.cpp
cat >braced.cpp <<'UNIT'
extern "C" {
#include <sys/pidfd.h>
}
int main(void) { return pidfd_open(1, 0) < 0; }
UNIT

asked_for() {  # $1: source. The name that its object leaves to the linker
  gcc -Wall -Wextra -isystem "$headers/x86_64-linux-gnu" -isystem "$headers" -c "$1" -o unit.o
  nm -u unit.o | sed -n 's/^ *U \(.*pidfd_open.*\)/\1/p'
}
in_c=$(asked_for plain.c)
in_cpp=$(asked_for plain.cpp)
braced=$(asked_for braced.cpp)
echo "libc6-dev $version"
echo "asked of the linker in C: $in_c; in C++: $in_cpp; in C++ inside extern \"C\": $braced"
[ "$in_c" = pidfd_open ] && [ "$in_cpp" = _Z10pidfd_openij ] && [ "$braced" = pidfd_open ] &&
  ! grep -q __BEGIN_DECLS "$headers/x86_64-linux-gnu/sys/pidfd.h"
