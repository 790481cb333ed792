#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "tests/core/support/simulated_index.hpp"

namespace fp::test {

/// AcoustID's traffic, scaled down with all sizes that matter: 93 M documents of 120 hashes; a day brings 60,000
/// new ones, rewrites 2 % of all and deletes one in a thousand, between 4 o'clock and midnight. A minute's changes
/// make one checkpoint (`checkpoint_age_ms`); in 2 % of the minutes, and at night, nobody writes and the index is
/// at rest.
struct traffic_options {
  uint32_t scale = 200;
  uint32_t days = 1;
  uint64_t seed = 1;
  merge_policy_options merge;  ///< of the real size
};

struct traffic_outcome {
  double documents = 0;            ///< at the end
  double write_amplification = 0;  ///< postings written by checkpoints and merges for each one that was sent
  double largest_space = 0;        ///< postings stored for each live one, the most after any minute
  double space_at_rest = 0;        ///< and at the end of the last night
  double segments = 0;             ///< on an average, while it was written to
  size_t segments_at_rest = 0;
  uint64_t merges = 0;
};

inline traffic_outcome simulate_traffic(const traffic_options& o) {
  constexpr uint32_t minutes_of_day = 24 * 60, quiet_minutes = 4 * 60;
  constexpr uint64_t hashes = 120;
  std::mt19937_64 random(o.seed);
  const uint32_t base = 93'000'000 / o.scale;
  const double inserts = 60'000.0 / o.scale, rewrites = base * 0.02, deletes = base * 0.001;
  const double per_minute = (inserts + rewrites + deletes) / (minutes_of_day - quiet_minutes);
  merge_policy_options scaled = o.merge;
  scaled.min_segment_size = std::max<uint64_t>(1, o.merge.min_segment_size / o.scale);
  scaled.max_segment_size = std::max<uint64_t>(1, o.merge.max_segment_size / o.scale);
  const auto busy = [&](const auto& c) { return choose_merge(c, scaled); };
  const auto idle = [&](const auto& c) { return choose_idle_merge(c, scaled); };

  simulated_index index(base + static_cast<size_t>((inserts + 10) * 2 * o.days), hashes);
  uint32_t next = 0;
  while (next < base) {
    std::vector<uint32_t> step(std::min(base - next, 1'000'000 / static_cast<uint32_t>(hashes)));
    std::iota(step.begin(), step.end(), next);
    next += static_cast<uint32_t>(step.size());
    index.add(step);
    index.settle(busy);
  }
  index.settle(idle);

  const uint64_t written_before = index.written(), merged_before = index.merged(),
                 merges_before = index.num_merges();
  traffic_outcome outcome;
  std::poisson_distribution<uint32_t> changes(per_minute);
  std::uniform_real_distribution<double> kind(0, inserts + rewrites + deletes);
  double minutes = 0;
  for (uint32_t minute = 0; minute < o.days * minutes_of_day; minute++) {
    const bool quiet = minute % minutes_of_day >= minutes_of_day - quiet_minutes || random() % 50 == 0;
    const uint32_t count = quiet ? 0 : changes(random);
    if (count == 0) {
      index.settle(idle);
      continue;
    }
    std::vector<uint32_t> inserted, deleted;
    for (uint32_t i = 0; i < count; i++) {
      const double k = kind(random);
      if (k < inserts) {
        inserted.push_back(next++);
      } else {
        (k < inserts + rewrites ? inserted : deleted).push_back(static_cast<uint32_t>(random() % next));
      }
    }
    index.add(inserted, deleted);
    index.settle(busy);
    minutes++;
    outcome.segments += static_cast<double>(index.num_segments());
    outcome.largest_space = std::max(outcome.largest_space, index.stored_per_live());
  }
  const auto sent = static_cast<double>(index.written() - written_before);
  outcome.write_amplification = 1 + static_cast<double>(index.merged() - merged_before) / sent;
  outcome.documents = static_cast<double>(index.live()) / hashes;
  outcome.space_at_rest = index.stored_per_live();
  outcome.segments /= std::max(1.0, minutes);
  outcome.segments_at_rest = index.num_segments();
  outcome.merges = index.num_merges() - merges_before;
  return outcome;
}

}  // namespace fp::test
