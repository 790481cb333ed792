#!/usr/bin/env bash
# Debian 12's libstreamvbyte holds neither vector instructions nor optimised code.
#
# StreamVByte is chosen for its SIMD decoder: one byte shuffle (pshufb on x86) decodes four integers. The packaged
# library decodes rightly, but is built for the baseline processor, whose compiler flags leave the SIMD code out (there
# is no choice at run time), and without an optimisation level besides: its functions set up frames and go through the
# stack for every variable. Whoever measures the codec with this package measures something else.
#
# Needs Debian 12 on amd64 with apt, gcc and objdump; downloads two packages into a temporary folder and installs
# nothing. Seen:
#
#   libstreamvbyte0 0.4.1-4
#   10000 integers come back: yes
#   byte shuffles in the library: 0
#   exported functions: 10, of which keep a frame pointer: 10
set -euo pipefail
version=0.4.1-4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"

apt-get download -q "libstreamvbyte0=$version" "libstreamvbyte-dev=$version" >/dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" root; done
library=$(find root -name 'libstreamvbyte.so.0*' -type f)

cat >round_trip.c <<'UNIT'
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "streamvbyte.h"
static uint32_t in[10000], out[10000];
static uint8_t coded[60000];
int main(void) {
  for (uint32_t i = 0; i < 10000; i++) in[i] = i * i;
  const size_t written = streamvbyte_encode(in, 10000, coded);
  const size_t read = streamvbyte_decode(coded, out, 10000);
  puts(written == read && memcmp(in, out, sizeof in) == 0 ? "yes" : "no");
}
UNIT
gcc -Iroot/usr/include round_trip.c "$library" -o round_trip
come_back=$(LD_LIBRARY_PATH=$(dirname "$library") ./round_trip)

objdump -d "$library" >code.txt
shuffles=$(grep -cE '\s+v?pshufb\s' code.txt || true)
exported=$(objdump -T "$library" | grep -cE ' DF \.text')
framed=$(grep -A2 -E '^[0-9a-f]+ <[^>]*@@Base>:' code.txt | grep -cE 'mov +%rsp,%rbp' || true)

echo "libstreamvbyte0 $version"
echo "10000 integers come back: $come_back"
echo "byte shuffles in the library: $shuffles"
echo "exported functions: $exported, of which keep a frame pointer: $framed"
[ "$come_back" = yes ] && [ "$shuffles" = 0 ] && [ "$exported" = "$framed" ]
