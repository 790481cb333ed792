#include <algorithm>

#include "actors/index_coordinator.hpp"

namespace fp {

caf::result<scrub_target> index_coordinator_state::scrub() const {
  if (!is_serving()) return not_ready_error();
  return scrub_target{index_name(), setup.folders.data, current(), metrics};
}

void index_coordinator_state::on_scrubbed(const segment_scrubbed& scrubbed) {
  // What is being closed, or was merged away meanwhile, is nobody's business.
  if (!is_serving() || !engine->served().has_file(scrubbed.segment)) return;
  count_unverified();
  const auto& segment = scrubbed.segment;
  if (scrubbed.damage) {
    note_damage(segment, "scrub", text_of(scrubbed.damage));
  } else if (damage.mend(segment)) {
    metrics->set_damaged_segments(damage.size());
    env->log->info("{}: scrub: segment {}-{} is right again", index_name(), segment.first_commit,
                   segment.last_commit);
    tell_engine([&](index_engine& e) { e.mended(segment, now()); });
  }
}

void index_coordinator_state::count_unverified() {
  const auto entries = engine->served().files()->entries();
  unverified_segments = static_cast<uint32_t>(
      std::ranges::count_if(entries, [](const snapshot::entry& e) { return !e.segment->is_checked(); }));
  metrics->set_unverified_segments(unverified_segments);
}

void index_coordinator_state::note_damage(const segment_info& segment, const char* finder,
                                          const std::string& text) {
  if (!engine->served().has_file(segment)) return;
  damage.note(segment, text);
  metrics->set_damaged_segments(damage.size());
  env->log->error(
      "{}: {}: damaged segment: {}; searches and writes go on, it is left out of merges, backups and the next "
      "start may fail: see the README on damage (fpctl check, a backup)",
      index_name(), finder, text);
}

void index_coordinator_state::forget_damage() {
  damage.keep([this](const segment_info& segment) { return engine->served().has_file(segment); });
  metrics->set_damaged_segments(damage.size());
}

}  // namespace fp
