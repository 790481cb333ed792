#include <algorithm>
#include <random>
#include <string>

#include "core/commit/changes.hpp"
#include "core/fs/file_system.hpp"
#include "core/merge/merge.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/core/search_bench.hpp"
#include "tests/core/support/simulated_traffic.hpp"

namespace fp::bench {

namespace {

constexpr document_id id_range = 10'000'000;

spread once(double value) { return {value, value, value}; }

/// A segment of so many documents of one hash each, drawn from `id_range`.
segment_ptr random_segment(std::mt19937_64& random, commit_id commit_number, size_t documents) {
  changes_encoder changes;
  for (size_t i = 0; i < documents; i++) {
    const hash_value hash = static_cast<hash_value>(random());
    changes.insert(static_cast<document_id>(1 + random() % id_range), {&hash, 1});
  }
  const commit one{commit_number - 1, commit_number, std::make_shared<const std::vector<uint8_t>>(changes.take())};
  return build_memory_segment({&one, 1});
}

std::vector<segment_ptr> random_segments(size_t count, size_t documents) {
  std::mt19937_64 random(1);
  std::vector<segment_ptr> segments;
  for (size_t i = 1; i <= count; i++) segments.push_back(random_segment(random, i, documents));
  return segments;
}

/// The plain way to what newer segments speak for: each with each of the newer ones.
doc_set superseded_by_each(std::span<const segment_ptr> segments, size_t position) {
  doc_set superseded;
  for (size_t newer = position + 1; newer < segments.size(); newer++) {
    superseded |= segments[position]->documents() & segments[newer]->documents();
  }
  return superseded;
}

/// Seconds of processor time that the plain way takes for all segments, from every `stride`th.
double seconds_of_each_with_each(std::span<const segment_ptr> segments, size_t stride) {
  const double sampled = cpu_seconds([&] {
    for (size_t i = stride / 2; i < segments.size(); i += stride) superseded_by_each(segments, i);
  });
  const size_t count = (segments.size() - stride / 2 + stride - 1) / stride;
  return sampled * static_cast<double>(segments.size()) / static_cast<double>(count);
}

/// Documents and their range by making each live set, as often as somebody asks.
uint64_t count_by_sets(const snapshot& s) {
  uint64_t sum = 0;
  for (const auto& e : s.entries()) {
    doc_set live = e.segment->documents() - e.segment->tombstones();
    if (e.superseded) live -= *e.superseded;
    sum += live.cardinality() + (live.isEmpty() ? 0 : live.minimum() & live.maximum() & 1);
  }
  return sum;
}

void measure_union(const search_bench_options& o, reporter& report) {
  const size_t count = o.growth_segments;
  const auto segments = random_segments(count, 10'000);
  snapshot_ptr s;
  std::vector<double> load;
  for (uint32_t round = 0; round < o.rounds; round++) {
    s.reset();
    load.push_back(cpu_seconds([&] { s = snapshot::from_segments(segments); }));
  }
  const spread ours = spread_of(load);
  const double reference = seconds_of_each_with_each(segments, std::max<size_t>(1, count / 20));
  const std::string what = std::to_string(count) + " segments of 10,000 of 10 M documents";
  report.add({.id = "growth/supersessions",
              .what = what + ", what is superseded, at a load",
              .unit = "ms",
              .ours = {ours.min * 1e3, ours.median * 1e3, ours.max * 1e3},
              .reference_name = "each with each, from a sample of 20",
              .reference = once(reference * 1e3),
              .ratio = {reference / ours.max, reference / ours.median, reference / ours.min},
              .target = {},
              .limit = "one union of all documents; the reference grows with the square of the segments",
              .x = {}});
  // The oldest two merge: all others are newer.
  const segment_ptr merged = merge_to_memory(*s, 0, 2);
  std::vector<double> publish, plain, ratios;
  for (uint32_t round = 0; round < o.rounds; round++) {
    publish.push_back(1e3 * cpu_seconds([&] { s->with_replaced(0, 2, merged); }));
    plain.push_back(1e3 * cpu_seconds([&] {
                      doc_set superseded;
                      for (size_t i = 2; i < segments.size(); i++)
                        superseded |= merged->documents() & segments[i]->documents();
                    }));
    ratios.push_back(plain.back() / publish.back());
  }
  report.add({.id = "growth/publish",
              .what = what + ", publishing a merge of the oldest two",
              .unit = "ms",
              .ours = spread_of(publish),
              .reference_name = "looking at all newer segments",
              .reference = spread_of(plain),
              .ratio = spread_of(ratios),
              .target = {},
              .limit = "the replaced segments' documents, and a copy of the list",
              .x = {}});
}

void measure_totals(const search_bench_options& o, reporter& report) {
  std::mt19937_64 random(2);
  auto s = snapshot::from_segments(random_segments(45, o.growth_documents));
  std::vector<double> ours, plain, ratios;
  uint64_t sum = 0;
  for (uint32_t round = 0; round < std::max(o.rounds, 5u); round++) {
    s = s->with_added(random_segment(random, s->version() + 1, 100));
    ours.push_back(1e3 * cpu_seconds([&] { sum += s->stats().num_documents; }));
    plain.push_back(1e3 * cpu_seconds([&] { sum += count_by_sets(*s); }));
    ratios.push_back(plain.back() / ours.back());
  }
  if (sum == 0) return;
  const spread asked = spread_of(ours);
  report.add(
      {.id = "growth/totals",
       .what = "totals of 45 segments of " + std::to_string(o.growth_documents) + " documents after a commit",
       .unit = "ms",
       .ours = asked,
       .reference_name = "making the sets of live documents",
       .reference = spread_of(plain),
       .ratio = spread_of(ratios),
       .target = {},
       .limit = "a few numbers a segment; at most 1 ms",
       .x = {}});
}

void measure_start(const search_bench_options& o, reporter& report) {
  const scratch_folder folder(o.folder);
  const size_t count = std::min<size_t>(300, o.growth_segments);
  std::vector<std::filesystem::path> files;
  auto memory = snapshot::from_segments(random_segments(count, 10'000));
  for (size_t i = 0; i < count; i++) {
    files.push_back(folder.path() / (std::to_string(i) + ".seg"));
    merge_to_file(*memory, i, 1, posix_file_system(), files.back(), load_mode::map);
  }
  std::vector<double> ours, opening, ratios;
  std::vector<segment_ptr> segments;
  for (uint32_t round = 0; round < o.rounds; round++) {
    segments.clear();
    const double open = cpu_seconds([&] {
      for (const auto& file : files) segments.push_back(open_segment(posix_file_system(), file, nullptr));
    });
    const double join = cpu_seconds([&] { snapshot::from_segments(segments); });
    ours.push_back((open + join) * 1e3);
    opening.push_back(open * 1e3);
  }
  const double each = seconds_of_each_with_each(segments, std::max<size_t>(1, count / 20)) * 1e3;
  std::vector<double> plain;
  for (size_t i = 0; i < ours.size(); i++) {
    plain.push_back(opening[i] + each);
    ratios.push_back(plain.back() / ours[i]);
  }
  report.add({.id = "growth/start",
              .what = "opening " + std::to_string(count) + " segments of 10,000 of 10 M documents",
              .unit = "ms",
              .ours = spread_of(ours),
              .reference_name = "opening them, and each with each",
              .reference = spread_of(plain),
              .ratio = spread_of(ratios),
              .target = {},
              .limit = "opening and verifying the files; at most 300 ms",
              .x = {}});
}

void measure_traffic(const search_bench_options& o, reporter& report) {
  for (const uint32_t days : {o.traffic_days, o.traffic_days * 30}) {
    fp::test::traffic_options options;
    options.scale = o.traffic_scale;
    options.days = days;
    const auto outcome = fp::test::simulate_traffic(options);
    const auto add = [&](const std::string& id, const std::string& what, const std::string& unit, double value,
                         const std::string& reference, double of, std::optional<double> target) {
      report.add({.id = "growth/traffic/" + std::to_string(days) + "/" + id,
                  .what = "traffic of " + std::to_string(days) + (days == 1 ? " day, " : " days, ") + what,
                  .unit = unit,
                  .ours = once(value),
                  .reference_name = reference,
                  .reference = once(of),
                  .ratio = once(of / value),
                  .target = target,
                  .limit = "the merge policy, in a simulation of sizes",
                  .x = {}});
    };
    add("writes", "written for each posting sent", "postings", outcome.write_amplification, "sent once", 1, {});
    add("space", "stored for each live posting, at the most", "postings", outcome.largest_space, "live", 1, 0.5);
    add("rest", "the same after the last night", "postings", outcome.space_at_rest, "live", 1, 1 / 1.3);
    add("segments", "segments on an average", "segments", outcome.segments, "after the last night",
        static_cast<double>(outcome.segments_at_rest), {});
  }
}

}  // namespace

void run_growth(const search_bench_options& o, reporter& report) {
  measure_union(o, report);
  measure_totals(o, report);
  measure_start(o, report);
  measure_traffic(o, report);
}

}  // namespace fp::bench
