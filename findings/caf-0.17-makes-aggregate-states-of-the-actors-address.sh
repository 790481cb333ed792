#!/usr/bin/env bash
# In C++20, CAF 0.17 initialises the first member of an actor's state with the actor's address.
#
# caf::stateful_actor passes itself to the state's constructor when std::is_constructible says that there is one that takes
# it. Since C++20 that also holds for aggregates: State(self) initialises the first member. So a state whose first
# member can be made of a pointer, as a bool can, begins with a value that nobody wrote, whatever its default is: false
# becomes true. The same program built as C++17 begins with false. A constructor of its own cures it, for then the
# state is no aggregate.
#
# Needs Debian 12 on amd64 with apt and g++; downloads packages into a temporary folder and installs nothing. Seen:
#
#   libcaf-dev 0.17.6-2.1+b1
#   C++17: aggregate busy no, with a constructor busy no
#   C++20: aggregate busy yes, with a constructor busy no
set -euo pipefail
version=0.17.6-2.1+b1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"

apt-get download -q "libcaf-dev=$version" "libcaf-core0.17=$version" >/dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" root; done

cat >states.cpp <<'UNIT'
#include <caf/all.hpp>
#include <iostream>

struct plain_state {
  bool busy = false;
};
struct constructed_state {
  constructed_state() {}
  bool busy = false;
};

template <class State>
caf::behavior answering(caf::stateful_actor<State>* self) {
  return {[self](int) { return self->state.busy; }};
}

template <class State>
const char* is_busy(caf::scoped_actor& self) {
  bool busy = false;
  self->request(self->spawn(answering<State>), caf::infinite, 1)
      .receive([&](bool b) { busy = b; }, [](const caf::error&) { std::exit(1); });
  return busy ? "yes" : "no";
}

int main() {
  caf::actor_system_config settings;
  caf::actor_system system{settings};
  caf::scoped_actor self{system};
  std::cout << "aggregate busy " << is_busy<plain_state>(self) << ", with a constructor busy "
            << is_busy<constructed_state>(self) << "\n";
}
UNIT
libraries=root/usr/lib/x86_64-linux-gnu
seen="libcaf-dev $version"
for standard in 17 20; do
  g++ -w "-std=c++$standard" -Iroot/usr/include states.cpp -L$libraries -lcaf_core -o states
  seen+=$'\n'"C++$standard: $(LD_LIBRARY_PATH=$libraries ./states)"
done
echo "$seen"
grep -q '^C++17: aggregate busy no, with a constructor busy no$' <<<"$seen"
grep -q '^C++20: aggregate busy yes, with a constructor busy no$' <<<"$seen"
