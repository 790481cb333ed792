#pragma once

#include <caf/scoped_actor.hpp>
#include <optional>
#include <string>

#include "app/client/client_error.hpp"
#include "app/client/direct_line.hpp"
#include "app/client/request_waits.hpp"

namespace fp {

/// Asks indexes without the way over the connection's actor, which would be two more wake-ups of a thread.
class direct_reader {
 public:
  direct_reader(caf::actor_system& system, const client_options& options);

  /// For the connection beside it.
  const direct_line_ptr& line() const noexcept { return line_; }

  /// Waits for an index's answer. None: the way is not open, or was lost before the answer; the connection has to
  /// be asked. Throws the node's error, and `request_timeout`.
  template <class Reply, class Request>
  std::optional<Reply> read(const std::string& index, const Request& request);

 private:
  /// Waits until a message is there.
  bool wait(std::chrono::milliseconds timeout);
  /// Another actor takes this one's place, lest a second answer is left in the mailbox for ever.
  void leave();
  /// Returns if the way was lost.
  void examine(const std::string& index, const index_handle& handle, const caf::error& e);

  caf::actor_system& system_;
  const client_options& options_;
  direct_line_ptr line_ = std::make_shared<direct_line>();
  std::optional<caf::scoped_actor> self_;
};

template <class Reply, class Request>
std::optional<Reply> direct_reader::read(const std::string& index, const Request& request) {
  const auto handle = line_->find(index);
  if (!handle) return std::nullopt;
  // No timeout of CAF's: its clock is a thread that every timeout wakes.
  auto response = (*self_)->request(handle, caf::infinite, request);
  if (!line_->expect(index, handle, caf::actor_cast<caf::strong_actor_ptr>(*self_), response.id())) {
    leave();
    return std::nullopt;
  }
  const auto timeout = options_.request_timeout + wait_on_purpose(request);
  if (!wait(timeout)) {
    leave();
    client_detail::raise(no_answer(options_, timeout));
  }
  auto answer = client_detail::receive_answer<Reply>(response);
  if (!line_->done()) leave();
  if (answer) return std::move(*answer);
  examine(index, handle, answer.error());
  return std::nullopt;
}

}  // namespace fp
