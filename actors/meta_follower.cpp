#include "actors/meta_follower.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include "core/base/printable.hpp"

namespace fp {

namespace {

constexpr uint32_t max_operations = 1'024;

}  // namespace

void meta_follower_state::init(pointer self_ptr, meta_follower_setup setup_values) {
  self = self_ptr;
  setup = std::move(setup_values);
  lineage_catalog::options o;
  o.poll = std::chrono::milliseconds(std::max(1'000u, setup.env->settings.cluster.changelog_poll_ms));
  o.seed = std::random_device()();
  catalog.emplace(o, *this);
  catalog->start(setup.local, now());
}

void meta_follower_state::tick() {
  timer.rang(now());
  catalog->look(now());
}

void meta_follower_state::read_meta(feed_position after) {
  const auto take = [this](const meta_operations& answer) {
    const auto before = catalog->position();
    catalog->read_done(answer, now());
    if (catalog->position() != before) tell_state();
  };
  self->request(setup.feed.log, caf::infinite, read_meta_call{after, max_operations})
      .then([take](const meta_operations& answer) { take(answer); },
            [take](const caf::error& e) {
              take(refused<meta_operations>(changelog_status::unavailable, text_of(e)));
            });
}

void meta_follower_state::want(const replica_wanted& wanted) {
  self->request(setup.node, caf::infinite, wanted)
      .then([this, wanted](done_atom) { catalog->done(wanted.index); },
            [this, wanted](const caf::error& e) { catalog->failed(wanted.index, text_of(e), now()); });
}

void meta_follower_state::parked(const std::string& index, const std::string& why) {
  if (!why.empty()) setup.env->log->error("{}: left alone: {}", printable(index), why);
  self->send(setup.node, replica_parked{index, why});
}

void meta_follower_state::caught_up() {
  setup.env->log->info("follows {}, whose indexes are known up to position {}", setup.feed.name,
                       catalog->position());
  tell_state();
}

void meta_follower_state::feed_failed(const std::string& why) {
  failure = why;
  if (why.empty()) {
    setup.env->log->info("{} answers again", setup.feed.name);
  } else {
    setup.env->log->error("{} does not tell which indexes there are: {}", setup.feed.name, why);
  }
  tell_state();
}

void meta_follower_state::tell_state() {
  self->send(setup.node, feed_state{catalog->is_caught_up(), catalog->position(), failure});
}

void meta_follower_state::wake_at(clock_time when) { timer.set(self, meta_follower_handle(self), when); }

meta_follower_handle::behavior_type meta_follower(meta_follower_state::pointer self, meta_follower_setup setup) {
  auto* s = &self->state;
  keep_exception_text(self);
  s->init(self, std::move(setup));
  return {
      [=](news_atom) { s->catalog->hurry(s->now()); },
      [=](erase_atom, const std::string& index) { s->catalog->removed(index); },
      [=](resync_atom, const std::string& index) -> caf::result<uint64_t> {
        try {
          return s->catalog->wanted_generation(index);
        } catch (const std::exception& e) {
          return to_caf_error(e);
        }
      },
      [=](const replica_replaced& by) { s->catalog->replaced(by.index, by.generation); },
      [=](tick_atom) { s->tick(); },
  };
}

}  // namespace fp
