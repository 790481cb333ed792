#include "actors/feed_watch.hpp"

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
  if (followers.size() == 1) look_later();
}

void feed_watch_state::look_later() {
  timer.set(self, feed_watch_handle(self),
            self->clock().now() + std::chrono::milliseconds(env->settings.cluster.changelog_poll_ms));
}

void feed_watch_state::look() {
  timer.rang(self->clock().now());
  if (asking || followers.empty()) return;
  std::vector<lineage> asked;
  asked.reserve(followers.size());
  for (const auto& [address, w] : followers) asked.push_back(w.of);
  asking = true;
  const auto shared = std::make_shared<const std::vector<lineage>>(std::move(asked));
  self->request(log, caf::infinite, newest_call{shared})
      .then([this, shared](const changelog::newest_answer& answer) { tell(*shared, answer); },
            [this](const caf::error& e) {
              changelog::newest_answer answer;
              answer.status = changelog_status::unavailable;
              answer.why = text_of(e);
              tell({}, answer);
            });
}

void feed_watch_state::tell(const std::vector<lineage>& asked, const changelog::newest_answer& answer) {
  asking = false;
  if (answer.is_done() && failing) env->log->info("the changelog answers again");
  if (!answer.is_done() && !failing) env->log->error("the changelog does not say what is new: {}", answer.why);
  failing = !answer.is_done();
  std::map<lineage, feed_position> newest;
  for (size_t i = 0; i < asked.size() && i < answer.lineages.size(); i++) {
    if (answer.lineages[i].is_done()) newest[asked[i]] = answer.lineages[i].newest;
  }
  for (auto& [address, w] : followers) {
    const auto found = newest.find(w.of);
    if (found == newest.end() || found->second <= w.told) continue;
    w.told = found->second;
    self->send(w.follower, news_atom_v, w.told);
  }
  if (!followers.empty()) look_later();
}

feed_watch_handle::behavior_type feed_watch(feed_watch_state::pointer self, environment_ptr env,
                                            changelog_handle log) {
  auto* s = &self->state;
  keep_exception_text(self);
  self->set_down_handler(
      [=](const caf::down_msg& down) { s->followers.erase(caf::actor_cast<caf::actor_addr>(down.source)); });
  s->init(self, std::move(env), std::move(log));
  return {
      [=](watch_atom, const lineage& of, const feed_follower_handle& follower) { s->watch(of, follower); },
      [=](tick_atom) { s->look(); },
  };
}

}  // namespace fp
