#include "actors/scrub_actor.hpp"

#include <algorithm>
#include <utility>

#include "core/index/manifest.hpp"

namespace fp {

void scrub_state::init(pointer self_ptr, scrub_setup setup_values) {
  self = self_ptr;
  setup = std::move(setup_values);
  round_began = self->clock().now();
  // Those that an earlier one of it has been told of.
  wants_unverified = setup.env->newest_settings()->segment_load_mode == load_mode::disk;
  end_round();
}

void scrub_state::tick_at(clock_time when) {
  const auto now = self->clock().now();
  is_ticking = true;
  if (when > now) {
    self->delayed_send(scrub_handle(self), when - now, tick_atom_v, ++num_ticks);
  } else {
    self->send(scrub_handle(self), tick_atom_v, ++num_ticks);
  }
}

void scrub_state::settings_changed() {
  if (!in_round) {
    end_round();
  } else if (is_ticking) {
    tick_at(piece_ends());
  }
}

void scrub_state::tick() {
  if (is_off()) {
    wants_unverified |= in_round;
    suspended.reset();
    leave_index();
    indexes.clear();
    round_began = self->clock().now();
    end_round();
  } else if (!in_round) {
    begin_round();
  } else if (wants_unverified && !only_unverified) {
    suspend();
  } else if (scrubber || next_segment()) {
    next_piece();
  } else {
    if (index) index_done();
    next_index();
  }
}

void scrub_state::verify_unverified() {
  wants_unverified = true;
  if (!in_round) end_round();
}

void scrub_state::suspend() {
  if (scrubber) segments.push_front(reading);
  suspended = {std::move(indexes), index.address(), data, metrics, index_name, verified, std::move(segments)};
  indexes.clear();
  leave_index();
  end_round();
}

void scrub_state::resume() {
  in_round = true;
  only_unverified = false;
  auto round = std::move(*suspended);
  suspended.reset();
  indexes = std::move(round.indexes);
  index = caf::actor_cast<scrubbed_index_handle>(round.index);
  if (!index) {
    next_index();
    return;
  }
  self->monitor(index);
  data = std::move(round.data);
  metrics = std::move(round.metrics);
  index_name = std::move(round.index_name);
  verified = round.verified;
  segments = std::move(round.segments);
  tick_at(self->clock().now());
}

void scrub_state::begin_round() {
  if (suspended && !wants_unverified) {
    resume();
    return;
  }
  in_round = true;
  only_unverified = std::exchange(wants_unverified, false);
  if (!only_unverified) round_began = self->clock().now();
  self->request(setup.directory, caf::infinite, scrub_atom_v)
      .then(
          [this](const scrubbed_indexes_ptr& all) {
            for (const auto& one : *all) indexes.push_back(one.address());
            next_index();
          },
          [this](const caf::error&) { end_round(); });
}

void scrub_state::end_round() {
  in_round = false;
  if ((wants_unverified || suspended) && !is_off()) {
    tick_at(self->clock().now());
    return;
  }
  tick_at(round_began + std::chrono::milliseconds(setup.env->newest_settings()->scrub_interval_ms));
}

void scrub_state::next_index() {
  leave_index();
  while (!indexes.empty()) {
    const auto next = caf::actor_cast<scrubbed_index_handle>(indexes.front());
    indexes.pop_front();
    if (!next) continue;
    // Whoever cannot serve now is not waited for: its next load verifies everything, or says that it has not.
    self->request(next, caf::infinite, scrub_atom_v)
        .then([this, address = next.address()](const scrub_target& target) { visit(address, target); },
              [this](const caf::error&) { next_index(); });
    return;
  }
  end_round();
}

void scrub_state::visit(const caf::actor_addr& address, const scrub_target& target) {
  index = caf::actor_cast<scrubbed_index_handle>(address);
  if (!index) {
    next_index();
    return;
  }
  self->monitor(index);
  index_name = target.index;
  data = target.data;
  verified = {};
  metrics = target.metrics;
  for (const auto& e : target.served->entries().first(target.served->num_file_segments())) {
    if (!only_unverified || !e.segment->is_checked()) segments.push_back(e.segment);
  }
  tick_at(self->clock().now());
}

void scrub_state::index_done() {
  if (only_unverified && verified.segments == 0) return;
  if (!only_unverified) metrics->scrub_done();
  setup.env->log->info("{}: scrub: {} segments, {} bytes, {} damaged", index_name, verified.segments,
                       verified.bytes, verified.damaged);
}

void scrub_state::leave_index() {
  if (index) self->demonitor(index.address());
  index = scrubbed_index_handle{};
  metrics.reset();
  segments.clear();
  scrubber.reset();
}

void scrub_state::index_down(const caf::down_msg& down) {
  // The tick that is on its way finds nothing to read, and goes on with the next index.
  if (index && caf::actor_cast<caf::actor_addr>(down.source) == index.address()) leave_index();
}

bool scrub_state::next_segment() {
  while (!segments.empty()) {
    const auto served = segments.front().lock();
    segments.pop_front();
    if (!served) continue;
    reading = served;
    scrubber = std::make_unique<segment_scrubber>(*setup.env->fs, data / segment_file_name(*served), served,
                                                  piece_bytes());
    return true;
  }
  return false;
}

void scrub_state::next_piece() {
  using outcome = segment_scrubber::outcome;
  const auto began = self->clock().now();
  const auto before = scrubber->num_bytes();
  auto result = outcome::gone;
  caf::error damage;
  try {
    result = scrubber->next();
  } catch (const error& e) {
    damage = to_caf_error(e);
  }
  const auto bytes = scrubber->num_bytes() - before;
  metrics->scrubbed(bytes);
  verified.bytes += bytes;
  if (damage || result == outcome::intact) report(damage);
  if (result != outcome::unfinished) scrubber.reset();
  piece_began = began;
  piece_size = bytes;
  tick_at(piece_ends());
}

void scrub_state::report(const caf::error& damage) {
  const auto& segment = scrubber->info();
  if (damage && !is_named(*setup.env->fs, data, segment)) return;
  verified.segments++;
  if (damage) verified.damaged++;
  self->send(index, segment_scrubbed{segment, damage});
}

scrub_state::clock_time scrub_state::piece_ends() const {
  return is_off() ? self->clock().now() : piece_began + cost_of(piece_size);
}

bool scrub_state::is_off() const { return setup.env->newest_settings()->scrub_bytes_per_second == 0; }

size_t scrub_state::piece_bytes() const {
  // Several pieces a second, so that reading is spread out.
  const auto rate = setup.env->newest_settings()->scrub_bytes_per_second;
  return static_cast<size_t>(std::clamp<uint64_t>(rate / 8, 1, max_piece_bytes));
}

caf::timespan scrub_state::cost_of(uint64_t bytes) const {
  const auto working = [](const index_metrics_ptr& i) { return i->is_working(); };
  const auto factor = std::ranges::any_of(setup.env->metrics->indexes(), working) ? slowdown : 1;
  // A piece is at most 1 MiB, so this stays far below 2^64.
  const auto rate = std::max<uint64_t>(1, setup.env->newest_settings()->scrub_bytes_per_second);
  return std::chrono::nanoseconds(bytes * factor * 1'000'000'000 / rate);
}

scrub_handle::behavior_type scrub_actor(scrub_state::pointer self, scrub_setup setup) {
  auto* s = &self->state;
  keep_exception_text(self);
  self->set_down_handler([=](const caf::down_msg& down) { s->index_down(down); });
  s->init(self, std::move(setup));
  return {
      [=](tick_atom, uint64_t number) {
        if (number != s->num_ticks) return;
        s->is_ticking = false;
        s->tick();
      },
      [=](settings_atom) { s->settings_changed(); },
      [=](scrub_atom) { s->verify_unverified(); },
  };
}

}  // namespace fp
