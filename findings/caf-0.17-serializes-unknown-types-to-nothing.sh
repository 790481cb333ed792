#!/usr/bin/env bash
# CAF 0.17 serializes a message that holds an unregistered type to zero bytes, and reports success.
#
# A message element whose type was not registered (std::vector<uint32_t> is not, while std::string and the plain
# integers are) cannot be serialized. binary_serializer nevertheless returns no error and writes nothing at all; the one
# sign is a line on standard error. Reading the empty result back succeeds too, as a message without elements. So a
# program that checks every error code loses such messages on the way to another node. Registering the type
# (add_message_type, or CAF_ADD_TYPE_ID) cures it.
#
# Needs Debian 12 on amd64 with apt and g++; downloads packages into a temporary folder and installs nothing. Seen:
#
#   libcaf-dev 0.17.6-2.1+b1
#   string: error no, 15 bytes, read back: error no, 1 elements
#   vector: error no, 0 bytes, read back: error no, 0 elements
#   vector, registered: error no, 27 bytes, read back: error no, 1 elements
set -euo pipefail
version=0.17.6-2.1+b1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"

apt-get download -q "libcaf-dev=$version" "libcaf-core0.17=$version" >/dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" root; done

cat >serialize.cpp <<'UNIT'
#include <caf/all.hpp>
#include <iostream>
#include <string>
#include <vector>

static void show(caf::actor_system& system, const char* what, const caf::message& sent) {
  const auto word = [](const caf::error& e) { return e ? "yes" : "no"; };
  std::vector<char> bytes;
  caf::binary_serializer sink{system, bytes};
  const auto written = sink(sent);
  caf::message received;
  caf::binary_deserializer source{system, bytes};
  const auto read = source(received);
  std::cout << what << ": error " << word(written) << ", " << bytes.size() << " bytes, read back: error "
            << word(read) << ", " << received.size() << " elements\n";
}

int main() {
  const std::vector<uint32_t> numbers{1, 2, 3};
  caf::actor_system_config plain;
  caf::actor_system system{plain};
  show(system, "string", caf::make_message(std::string("abc")));
  show(system, "vector", caf::make_message(numbers));
  caf::actor_system_config registering;
  registering.add_message_type<std::vector<uint32_t>>("numbers");
  caf::actor_system knowing{registering};
  show(knowing, "vector, registered", caf::make_message(numbers));
}
UNIT
libraries=root/usr/lib/x86_64-linux-gnu
g++ -w -std=c++17 -Iroot/usr/include serialize.cpp -L$libraries -lcaf_core -o serialize
seen=$(LD_LIBRARY_PATH=$libraries ./serialize 2>/dev/null)
echo "libcaf-dev $version"
echo "$seen"
[ "$(grep -c 'error no, .*error no' <<<"$seen")" = 3 ]
grep -q '^vector: error no, 0 bytes, read back: error no, 0 elements$' <<<"$seen"
grep -q '^vector, registered: .* 1 elements$' <<<"$seen"
