#pragma once

#include <memory>

#include "actors/base_loader.hpp"
#include "actors/blocking_pools.hpp"
#include "actors/feed_access.hpp"

namespace fp {

/// A base_loader with what it asks, on behalf of one actor. Without that actor nobody waits for an answer any more.
class base_fetch {
 public:
  base_fetch() = default;
  ~base_fetch() { interrupt(); }
  base_fetch(const base_fetch&) = delete;
  base_fetch& operator=(const base_fetch&) = delete;

  explicit operator bool() const noexcept { return static_cast<bool>(loader_); }
  bool is(const caf::actor_addr& address) const { return loader_ && loader_.address() == address; }

  /// `s`: without `peers` and `feed`.
  template <class Self>
  void start(Self* self, const feed_access& access, base_loader_setup s) {
    if (access.make_peers) peers_ = access.make_peers();
    if (access.make_changelog) feed_ = access.make_changelog();
    cancel_ = std::make_shared<cancel_flag>(false);
    s.cancel = cancel_;
    s.peers = peers_;
    s.feed = feed_;
    s.feed_name = access.name;
    s.log = access.log;
    const auto* pools = s.env->pools;
    loader_ = spawn_pooled(self->home_system(), pools, blocking_work::transfers, base_loader, std::move(s));
    self->monitor(loader_);
  }
  void ended() {
    loader_ = base_loader_handle{};
    peers_.reset();
    feed_.reset();
  }

 private:
  void interrupt() noexcept {
    if (peers_) peers_->interrupt();
    if (feed_) feed_->interrupt();
    if (cancel_) *cancel_ = true;
  }

  base_loader_handle loader_;  ///< null: none is fetched
  std::shared_ptr<base_source> peers_;
  std::shared_ptr<changelog> feed_;
  cancel_flag_ptr cancel_;
};

}  // namespace fp
