#!/bin/sh
# cached_compile.sh CCACHE SOURCE_FOLDER COMPILER ARGUMENT...: compiles by way of ccache, so that what one checkout has
# compiled serves every other one, wherever it lies. Precompiled headers alone are made anew in each, as they hold its
# paths; a sum of what they are made of, without paths, stands beside them for the cache to compare.
cache=$1
CCACHE_BASEDIR=$2 CCACHE_NOHASHDIR=1 CCACHE_PCH_EXTSUM=1 CCACHE_SLOPPINESS=pch_defines,time_macros
export CCACHE_BASEDIR CCACHE_NOHASHDIR CCACHE_PCH_EXTSUM CCACHE_SLOPPINESS
shift 2

header=
for argument; do
  case $argument in
    *.gch) header=$argument ;;
  esac
done
[ -n "$header" ] || exec "$cache" "$@"

# Where there is one, the compiler reads it in the place of what it is made of.
rm -f "$header" "$header.sum"
(
  for argument; do
    shift
    case $argument in
      "$header") argument=$header.text ;;
      "$header.d") argument=$header.text.d ;;
    esac
    set -- "$@" "$argument"
  done
  "$@" -E -P
) && sum=$(sha256sum <"$header.text") && rm "$header.text" "$header.text.d" && "$@" && echo "$sum" >"$header.sum"
