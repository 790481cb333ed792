#pragma once

#include <caf/all.hpp>
#include <functional>

namespace fp::test {

/// What a client does with an answer.
template <class Reply>
caf::behavior answered(std::function<void(const caf::expected<Reply>&)> heard) {
  return {[heard](const Reply& r) { heard(r); }, [heard](const caf::error& e) { heard(e); }};
}

/// Sends `content` to `to` as a request of `client`, which waits for the answer as long as it takes. What CAF's
/// typed requests make of each kind of message in each unit takes a compiler longer than all else of the tests.
void request_untyped(caf::event_based_actor* client, const caf::strong_actor_ptr& to, caf::message content,
                     caf::behavior answered);

}  // namespace fp::test
