#pragma once

#include <caf/all.hpp>
#include <chrono>
#include <map>

#include "messages/atoms.hpp"

namespace fp {

/// Time limits of an actor's requests, all watched by one timer. A timer of CAF's for each request would wake its
/// clock's thread every time and stay until the limit, however soon the answer comes.
///
/// The actor answers `expire_atom` by calling `expire`. What was not answered in time fails with
/// `caf::sec::request_timeout`, as with CAF's own timers.
///
/// Whose receivers are of another process calls `receiver_lost` and `all_lost`: CAF drops requests to a remote
/// actor that is gone, and never answers. They fail with `caf::sec::request_receiver_down`.
class request_deadlines {
 public:
  /// Asks `to`. `then(Reply&)` or `fail(const caf::error&)` runs, in the actor.
  template <class Reply, class Self, class Handle, class Then, class Fail, class... Ts>
  void request(Self* self, const Handle& to, std::chrono::milliseconds timeout, Then then, Fail fail, Ts&&... xs) {
    const auto response = self->request(to, caf::infinite, std::forward<Ts>(xs)...);
    const auto deadline = watch(*self, {response.id(), to.address()}, timeout);
    response.then(
        [this, deadline, then = std::move(then)](Reply& reply) mutable {
          deadlines_.erase(deadline);
          then(reply);
        },
        [this, deadline, fail = std::move(fail)](const caf::error& e) mutable {
          deadlines_.erase(deadline);
          fail(e);
        });
  }

  /// Lets fail what is late.
  void expire(caf::scheduled_actor& self);
  /// Lets fail what was asked of an actor that is gone.
  void receiver_lost(caf::scheduled_actor& self, const caf::actor_addr& receiver);
  /// Lets everything fail.
  void all_lost(caf::scheduled_actor& self);
  /// Requests without an answer.
  size_t size() const noexcept { return deadlines_.size(); }

 private:
  using time_point = caf::actor_clock::time_point;
  struct request_in_flight {
    caf::message_id id;
    caf::actor_addr receiver;
  };
  using list = std::multimap<time_point, request_in_flight>;

  list::iterator watch(caf::scheduled_actor& self, request_in_flight request, std::chrono::milliseconds timeout);
  /// Whoever handles the error takes the request off the list. A second one of a request is nobody's.
  static void answer(caf::scheduled_actor& self, const request_in_flight& request, caf::sec why);
  /// Sets the timer to the earliest deadline.
  void set_timer(caf::scheduled_actor& self);

  list deadlines_;
  time_point failed_until_ = time_point::min();  ///< earlier ones have failed, and wait for that to be handled
  time_point rings_ = time_point::max();         ///< when the timer does
};

}  // namespace fp
