#include "actors/history_actor.hpp"

namespace fp {

namespace {

constexpr double step_seconds = std::chrono::duration<double>(history_state::step).count();

}  // namespace

void history_state::init(pointer self_ptr, std::shared_ptr<const node_metrics> metrics_ptr) {
  self = self_ptr;
  metrics = std::move(metrics_ptr);
  last_tick = next_tick = self->clock().now();
  follow_indexes();
  arm();
}

void history_state::arm() {
  // By the clock, not by the last tick, so that delays do not add up; what was missed is left out.
  const auto now = self->clock().now();
  while (next_tick <= now) next_tick += step;
  self->delayed_send(history_handle(self), next_tick - now, tick_atom_v);
}

void history_state::tick() {
  const auto now = self->clock().now();
  const auto seconds = std::chrono::duration<double>(now - last_tick).count();
  last_tick = now;
  if (seconds > 0) {
    for (auto& [index, watched] : indexes) watched.history.add(watched.metrics->activity_so_far(), seconds);
  }
  follow_indexes();
  arm();
}

void history_state::follow_indexes() {
  const auto present = metrics->indexes();
  std::map<std::string, watched_index> next;
  for (const auto& m : present) {
    const auto known = indexes.find(m->index());
    if (known != indexes.end() && known->second.metrics == m) {
      next.insert(indexes.extract(known));
    } else {
      next.emplace(m->index(), watched_index{m, activity_history(step_seconds, max_steps, m->activity_so_far())});
    }
  }
  indexes.swap(next);
}

caf::result<index_history> history_state::history_of(const std::string& index) {
  const auto present = metrics->find_index(index);
  if (!present) return make_error(errc::index_not_found, "there is no index " + index);
  const auto known = indexes.find(index);
  if (known == indexes.end() || known->second.metrics != present) {
    // It came after the last tick.
    index_history nothing_yet;
    nothing_yet.step_seconds = step_seconds;
    return nothing_yet;
  }
  return known->second.history.read();
}

history_handle::behavior_type history_actor(history_state::pointer self,
                                            std::shared_ptr<const node_metrics> metrics) {
  keep_exception_text(self);
  auto* s = &self->state;
  s->init(self, std::move(metrics));
  return {
      [=](tick_atom) { s->tick(); },
      [=](history_atom, const std::string& index) { return s->history_of(index); },
  };
}

}  // namespace fp
