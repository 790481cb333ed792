#!/bin/sh
# cached_compile.sh CCACHE SOURCE_FOLDER COMPILER ARGUMENT...: compiles by way of ccache, so that what one checkout has
# compiled serves every other one, wherever it lies. Not so precompiled headers: they know by their paths which headers
# they hold, and one of another checkout brings everything in it a second time.
cache=$1
CCACHE_BASEDIR=$2 CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros
export CCACHE_BASEDIR CCACHE_NOHASHDIR CCACHE_SLOPPINESS
shift 2
for argument; do
  case $argument in
    *.gch) exec "$@" ;;
  esac
done
exec "$cache" "$@"
