#!/usr/bin/env bash
# Debian's libxxhash chooses vectors at run time, but not in the functions that its main header declares.
#
# The amd64 library is built with the dispatcher of xxhash 0.8, which knows SSE2, AVX2 and AVX-512. XXH3_64bits and
# XXH3_64bits_update never ask it: they are compiled for every amd64 machine, so for SSE2. Who includes xxh_x86dispatch.h
# beside or in place of xxhash.h has the same names replaced, by macros, with functions that do ask, and answer the same; in
# the caches they are more than twice as fast where the processor has AVX2.
#
# Needs Debian 12 on amd64 with apt, g++, binutils and perl; downloads packages into a temporary folder and installs nothing.
# Seen:
#
#   libxxhash-dev 0.8.1-1
#   xxhash.h: calls XXH3_64bits, which reaches code for wide registers: no
#   xxh_x86dispatch.h: calls XXH3_64bits_dispatch; the library holds code for wide registers: yes
#   same checksum: yes
set -euo pipefail
version=0.8.1-1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"

apt-get download -q "libxxhash-dev=$version" "libxxhash0=$version" >/dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" root; done
libraries=root/usr/lib/x86_64-linux-gnu

cat >hash.cpp <<'UNIT'
#include HEADER
#include <cstdio>
#include <vector>
int main() {
  std::vector<unsigned char> bytes(100'000);
  for (size_t i = 0; i < bytes.size(); i++) bytes[i] = static_cast<unsigned char>(i * 31 >> 3);
  std::printf("%llx\n", static_cast<unsigned long long>(XXH3_64bits(bytes.data(), bytes.size())));
}
UNIT
seen="libxxhash-dev $version"
for header in xxhash.h xxh_x86dispatch.h; do
  g++ -std=c++17 "-DHEADER=<$header>" -Iroot/usr/include hash.cpp -L$libraries -lxxhash -o "${header%.h}"
done
called() { nm -u "$1" | grep -o 'XXH3_64bits[a-z_]*' | sort -u; }
code=$(objdump -d --no-show-raw-insn $libraries/libxxhash.so.0)
# Whether any instruction that can be reached from a function names a wide register.
reaches_wide() {
  perl -e '
    my ($name, %next, %text, $entry, $last) = shift;
    while (<STDIN>) {
      $entry = hex $1 if /^([0-9a-f]+) <\Q$name\E(@|>)/;
      next unless /^ +([0-9a-f]+):\t(.*)/;
      $next{$last} = hex $1 if defined $last;
      $text{$last = hex $1} = $2;
    }
    die "no $name" unless defined $entry;
    my (@left, %seen) = $entry;
    while (@left) {
      my $at = pop @left;
      next if !defined $text{$at} || $seen{$at}++;
      (print "yes"), exit if $text{$at} =~ /%[yz]mm/;
      push @left, hex $1 if $text{$at} =~ /^(?:bnd |notrack )?(?:j\w+|call\w*) +([0-9a-f]+)/;
      push @left, $next{$at} unless $text{$at} =~ /^(?:bnd |repz |notrack )?(?:ret|jmp)/;
    }
    die "too little was read" if keys %seen < 300;
    print "no"' "$1" <<<"$code"
}
wide() { grep -qE '%[yz]mm' && echo yes || echo no; }
plain=$(called xxhash)
seen+=$'\n'"xxhash.h: calls $plain, which reaches code for wide registers: $(reaches_wide "$plain")"
seen+=$'\n'"xxh_x86dispatch.h: calls $(called xxh_x86dispatch); the library holds code for wide registers: "
seen+=$(wide <<<"$code")
run() { LD_LIBRARY_PATH=$libraries "./$1"; }
seen+=$'\n'"same checksum: $([ "$(run xxhash)" = "$(run xxh_x86dispatch)" ] && echo yes || echo no)"
echo "$seen"
grep -q '^xxhash.h: calls XXH3_64bits, which reaches code for wide registers: no$' <<<"$seen"
grep -q '^xxh_x86dispatch.h: calls XXH3_64bits_dispatch; the library holds code for wide registers: yes$' <<<"$seen"
grep -q '^same checksum: yes$' <<<"$seen"
