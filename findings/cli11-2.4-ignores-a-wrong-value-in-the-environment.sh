#!/usr/bin/env bash
# CLI11 2.4 takes a wrong value of an option's environment variable for none: no error, and the default holds.
#
# Of an option with envname(), CLI11 2.1 refuses a value in the environment that the option's check refuses, as it does
# for the command line. 2.4 tries the value first and drops it without a word when the check says no, so that a program
# that is built against the newer headers goes on with its default where the older one ended with an error. A program
# that wants the error looks, after parsing, for options without a value whose variable is set, gives the value to them
# and runs their callbacks.
#
# Needs Debian 12 with apt and g++; downloads the headers of both versions into a temporary folder and installs nothing.
# Seen:
#
#   libcli11-dev 2.1.2+ds-1: with PORT=80: 80; with PORT=x: refused
#   libcli11-dev 2.4.1+ds-2: with PORT=80: 80; with PORT=x: 8090
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"

cat >program.cpp <<'UNIT'
#include <CLI/CLI.hpp>
#include <iostream>

int main(int argc, char** argv) {
  CLI::App app;
  int port = 8090;
  app.add_option("--port", port)->envname("PORT")->check(CLI::Range(1, 65535));
  try {
    app.parse(argc, argv);
    std::cout << port << '\n';
  } catch (const CLI::ParseError&) {
    std::cout << "refused\n";
  }
}
UNIT

# apt with lists of its own: of Debian 13, from where this machine gets its packages.
mkdir -p state/lists/partial cache/archives/partial
site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -v security | head -1)
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site trixie main" >sources.list
newer=(-o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State=$work/state"
  -o "Dir::Cache=$work/cache" -o Dir::State::status=/var/lib/dpkg/status)
apt-get -q "${newer[@]}" update >/dev/null 2>&1

try() {
  local version=$1 good bad
  shift
  mkdir "$version"
  (cd "$version" && apt-get -q "$@" download "libcli11-dev=$version" >/dev/null 2>&1 && dpkg -x ./*.deb root)
  g++ -std=c++17 -I "$version/root/usr/include" program.cpp -o "$version/program"
  good=$(PORT=80 "$version/program")
  bad=$(PORT=x "$version/program")
  echo "libcli11-dev $version: with PORT=80: $good; with PORT=x: $bad"
}

seen=$(try 2.1.2+ds-1 -o Dir::Cache="$work/cache"; try 2.4.1+ds-2 "${newer[@]}")
expected='libcli11-dev 2.1.2+ds-1: with PORT=80: 80; with PORT=x: refused
libcli11-dev 2.4.1+ds-2: with PORT=80: 80; with PORT=x: 8090'
echo "$seen"
[ "$seen" = "$expected" ] || { echo "the behaviour has changed; expected:"; echo "$expected"; exit 1; }
