#pragma once

#include <caf/all.hpp>
#include <functional>

namespace fp::test {

struct client_call {
  std::function<void(caf::event_based_actor*)> run;
};

/// An actor that sends requests when told to, and lives until it is told to go: what it asked for may depend on
/// that.
inline caf::behavior lasting_client(caf::event_based_actor* self) {
  return {[self](const client_call& call) { call.run(self); }};
}

}  // namespace fp::test

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::test::client_call)
