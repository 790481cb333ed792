#include "actors/feed_watch.hpp"

#include <algorithm>
#include <utility>

namespace fp {

void feed_watch_state::init(pointer self_ptr, environment_ptr env_ptr, changelog_handle changes) {
  self = self_ptr;
  env = std::move(env_ptr);
  log = std::move(changes);
}

void feed_watch_state::watch(const lineage& of, const feed_follower_handle& follower) {
  self->monitor(follower);
  followers[follower.address()] = {of, follower, 0};
  asked.reset();
  if (followers.size() == 1) look_later();
}

void feed_watch_state::forget(const caf::actor_addr& follower) {
  if (followers.erase(follower) > 0) asked.reset();
}

void feed_watch_state::look_later() {
  timer.set(self, feed_watch_handle(self),
            self->clock().now() + std::chrono::milliseconds(env->settings.cluster.changelog_poll_ms));
}

void feed_watch_state::look() {
  timer.rang(self->clock().now());
  if (asking || followers.empty()) return;
  if (!asked) {
    std::vector<lineage> all;
    told.clear();
    for (auto& [address, w] : followers) {
      all.push_back(w.of);
      told.push_back(&w);
    }
    asked = std::make_shared<const std::vector<lineage>>(std::move(all));
  }
  asking = true;
  self->request(log, caf::infinite, newest_call{asked})
      .then([this, of = asked](const changelog::newest_answer& answer) { tell(of, answer); },
            [this, of = asked](const caf::error& e) {
              tell(of, refused<changelog::newest_answer>(changelog_status::unavailable, text_of(e)));
            });
}

void feed_watch_state::tell(const lineages_ptr& of, const changelog::newest_answer& answer) {
  asking = false;
  if (answer.is_done() && failing) env->log->info("the changelog answers again");
  if (!answer.is_done() && !failing) env->log->error("the changelog does not say what is new: {}", answer.why);
  failing = !answer.is_done();
  // Of other followers than were asked for, the next answer tells.
  const size_t count = of == asked ? std::min(told.size(), answer.lineages.size()) : 0;
  for (size_t i = 0; i < count; i++) {
    const auto& found = answer.lineages[i];
    if (!found.is_done() || found.newest <= told[i]->told) continue;
    told[i]->told = found.newest;
    self->send(told[i]->follower, news_atom_v, found.newest);
  }
  if (!followers.empty()) look_later();
}

feed_watch_handle::behavior_type feed_watch(feed_watch_state::pointer self, environment_ptr env,
                                            changelog_handle log) {
  auto* s = &self->state;
  keep_exception_text(self);
  self->set_down_handler(
      [=](const caf::down_msg& down) { s->forget(caf::actor_cast<caf::actor_addr>(down.source)); });
  s->init(self, std::move(env), std::move(log));
  return {
      [=](watch_atom, const lineage& of, const feed_follower_handle& follower) { s->watch(of, follower); },
      [=](tick_atom) { s->look(); },
  };
}

}  // namespace fp
