#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "app/asking/request_deadlines.hpp"
#include "messages/error.hpp"
#include "messages/interfaces.hpp"

namespace fp {

/// How far a request came that has failed.
enum class ask_phase {
  resolving,  ///< the node had not told the index's handle: nothing was asked of the index
  asking,     ///< the index was asked
};

/// Asks indexes by their names on behalf of an actor, and remembers which index has which handle:
///
///     actor -> here --resolve--> node        once per index, however many requests wait for the answer
///              here --request--> index       in a bounded time
///
/// An index that is being closed refuses whatever it is asked, and another one may have its name by now: when a
/// remembered handle answers so, the name is resolved again, and the request sent again, writes too. So it is with
/// an index of this process that has ended before it looked at a request; of one elsewhere nobody knows whether it
/// did. All callbacks run in the actor. It hands down messages to `forget`.
///
/// `Self` points to the actor, `Handle` is what it asks indexes by.
template <class Self, class Handle>
class index_asker {
 public:
  using found = std::function<void(const Handle&)>;
  using failure = std::function<void(const caf::error&)>;
  using observer = std::function<void(const std::string& index, const Handle&)>;

  /// Handles that are remembered; those of further indexes are resolved at each request.
  static constexpr size_t max_known = 10'000;

  enum class place { this_process, elsewhere };

  /// `deadlines` and `node` live as long as the object. `node` may change behind `forget_all`.
  void init(Self self, request_deadlines& deadlines, const node_handle& node,
            std::chrono::milliseconds resolve_timeout, place of_indexes) {
    place_ = of_indexes;
    self_ = self;
    deadlines_ = &deadlines;
    node_ = &node;
    resolve_timeout_ = resolve_timeout;
  }
  /// Who is told which handles are remembered, and which no longer.
  void observe(observer known, observer forgotten) {
    on_known_ = std::move(known);
    on_forgotten_ = std::move(forgotten);
  }

  /// Asks an index. `then(Reply&)` or `fail(const caf::error&, ask_phase)` runs, once.
  template <class Reply, class Then, class Fail, class... Ts>
  void ask(const std::string& index, std::chrono::milliseconds timeout, Then then, Fail fail, Ts... message) {
    if (const auto it = known_.find(index); it != known_.end()) {
      ask_handle<Reply>(index, it->second, true, timeout, std::move(then), std::move(fail), std::move(message)...);
      return;
    }
    resolve(
        index,
        [=, this](const Handle& handle) {
          ask_handle<Reply>(index, handle, false, timeout, then, fail, message...);
        },
        [=](const caf::error& e) mutable { fail(e, ask_phase::resolving); });
  }

  /// The handle of an index, remembered or asked for.
  void resolve(const std::string& index, found then, failure fail) {
    if (const auto it = known_.find(index); it != known_.end()) {
      then(it->second);
      return;
    }
    auto& waiting = resolving_[index];
    const bool is_asked_for = waiting != nullptr;
    if (!is_asked_for) waiting = std::make_shared<waiters>();
    waiting->emplace_back(std::move(then), std::move(fail));
    if (!is_asked_for) ask_node(index, waiting);
  }

  bool knows(const caf::actor_addr& address) const { return names_.contains(address); }
  /// The next request for an index asks the node anew.
  void forget(const std::string& index) { forget(known_.find(index)); }
  void forget(const caf::actor_addr& address) {
    if (const auto it = names_.find(address); it != names_.end()) forget(it->second);
  }
  /// The node is another one from now on. What waits for the old one's answer goes on to wait for it.
  void forget_all() {
    resolving_.clear();
    while (!known_.empty()) {
      self_->demonitor(known_.begin()->second.address());
      forget(known_.begin());
    }
  }

  size_t num_known() const noexcept { return known_.size(); }
  /// Names that the node has been asked for, and requests that wait for them.
  size_t num_resolving() const noexcept { return resolving_.size(); }
  size_t num_waiting() const noexcept {
    size_t sum = 0;
    for (const auto& [index, waiting] : resolving_) sum += waiting->size();
    return sum;
  }

 private:
  using known_map = std::map<std::string, Handle, std::less<>>;
  using waiters = std::vector<std::pair<found, failure>>;

  template <class Reply, class Then, class Fail, class... Ts>
  void ask_handle(const std::string& index, const Handle& handle, bool was_known, std::chrono::milliseconds timeout,
                  Then then, Fail fail, Ts... message) {
    deadlines_->request<Reply>(
        self_, handle, timeout, then,
        [=, this](const caf::error& e) mutable {
          const bool is_unread = place_ == place::this_process && e == caf::sec::request_receiver_down;
          const bool is_closed = is_unread || code_of(e) == errc::shutting_down;
          if (is_closed || is_receiver_gone(e)) forget(handle.address());
          if (is_closed && was_known) {
            ask<Reply>(index, timeout, then, fail, message...);
          } else {
            fail(e, ask_phase::asking);
          }
        },
        message...);
  }

  void ask_node(const std::string& index, const std::shared_ptr<waiters>& waiting) {
    const auto is_current = [=, this] {
      const auto it = resolving_.find(index);
      return it != resolving_.end() && it->second == waiting;
    };
    const auto refuse = [=, this](const caf::error& e) {
      if (is_current()) resolving_.erase(index);
      for (const auto& [then, fail] : std::exchange(*waiting, {})) fail(e);
    };
    deadlines_->request<index_handle>(
        self_, *node_, resolve_timeout_,
        [=, this](const index_handle& told) {
          // One of a node that is gone is of no use.
          if (!told || !is_current()) {
            refuse(caf::make_error(caf::sec::request_receiver_down));
            return;
          }
          resolving_.erase(index);
          const auto handle = caf::actor_cast<Handle>(told);
          if (known_.size() < max_known && known_.emplace(index, handle).second) {
            names_.insert_or_assign(handle.address(), index);
            self_->monitor(handle);
            if (on_known_) on_known_(index, handle);
          }
          for (const auto& [then, fail] : std::exchange(*waiting, {})) then(handle);
        },
        refuse, resolve_atom_v, index);
  }

  void forget(typename known_map::iterator it) {
    if (it == known_.end()) return;
    const auto gone = known_.extract(it);
    names_.erase(gone.mapped().address());
    if (on_forgotten_) on_forgotten_(gone.key(), gone.mapped());
  }

  Self self_ = nullptr;
  place place_ = place::elsewhere;
  request_deadlines* deadlines_ = nullptr;
  const node_handle* node_ = nullptr;
  std::chrono::milliseconds resolve_timeout_{};
  observer on_known_, on_forgotten_;
  known_map known_;
  std::map<caf::actor_addr, std::string> names_;  ///< of the handles in `known_`
  std::map<std::string, std::shared_ptr<waiters>, std::less<>> resolving_;
};

}  // namespace fp
