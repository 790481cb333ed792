#!/usr/bin/env bash
# GCC 12 removes calls of a function that does nothing but prefetch.
#
# A helper that only issues __builtin_prefetch looks to GCC 12's analysis of pure functions like one without any effect
# (it returns nothing and writes nothing), so at -O2 calls of it that were not inlined before that analysis disappear,
# without a warning: the program is right, and waits for memory as if nobody had prefetched. The same prefetches written
# into the caller stay, and so do those of a helper that is marked always_inline.
#
# Needs Debian 12 on amd64 with apt; downloads the compiler into a temporary folder and installs nothing. Seen:
#
#   g++-12 12.2.0-14+deb12u1
#   prefetches left: in a helper 0, in an always_inline helper 5, written into the caller 5
set -euo pipefail
version=12.2.0-14+deb12u1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"

apt-get download -q "g++-12=$version" libisl23 libmpc3 libmpfr6 libgmp10 >/dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" root; done
compiler=$(find root -name cc1plus)
libraries=root/usr/lib/x86_64-linux-gnu

program() {  # $1: what the helper is declared as; $2: what the caller does with each range
  cat <<UNIT
$1 void ahead(const char* begin, const char* end) {
  $body
}
long visit(const char* const* where, const long* sizes, long count) {
  for (long i = 0; i < count; i++) {
    const char *begin = where[i], *end = begin + sizes[i];
    $2
  }
  return count;
}
UNIT
}

prefetches() {
  program "$1" "$2" >unit.cpp
  LD_LIBRARY_PATH=$libraries "$compiler" -quiet -O2 unit.cpp -o unit.s
  grep -cE '^\s+prefetch' unit.s || true
}

# Too much for the early inliner, which runs before that analysis.
body='const long length = end - begin;
    if (length > 256) {
      __builtin_prefetch(begin + length / 2);
    } else {
      __builtin_prefetch(begin);
      __builtin_prefetch(begin + length / 2);
      __builtin_prefetch(end - 1);
      for (const char* p = begin + 64; p < end; p += 64) __builtin_prefetch(p);
    }'
call='ahead(begin, end);'
helper=$(prefetches "static" "$call")
inlined=$(prefetches "[[gnu::always_inline]] static inline" "$call")
written_out=$(prefetches "[[maybe_unused]] static" "$body")
echo "g++-12 $version"
echo "prefetches left: in a helper $helper, in an always_inline helper $inlined, written into the caller $written_out"
[ "$helper" = 0 ] && [ "$inlined" = 5 ] && [ "$written_out" = 5 ]
