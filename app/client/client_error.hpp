#pragma once

#include <caf/error.hpp>
#include <caf/expected.hpp>
#include <chrono>

#include "app/client/client_options.hpp"

namespace fp {

/// A request that was not answered in time.
caf::error no_answer(const client_options& node, std::chrono::milliseconds timeout);

/// An error of fpnode as it is; one of CAF's with the code that it amounts to, and the node's address.
caf::error with_address(const client_options& node, const caf::error& e);

namespace client_detail {

/// Throws it as an `fp::error`.
[[noreturn]] void raise(const caf::error& e);

/// Waits for one answer.
template <class Reply, class Response>
caf::expected<Reply> receive_answer(Response& response) {
  caf::expected<Reply> answer{caf::error{}};
  response.receive([&](Reply& reply) { answer = std::move(reply); }, [&](caf::error& e) { answer = std::move(e); });
  return answer;
}

}  // namespace client_detail

}  // namespace fp
