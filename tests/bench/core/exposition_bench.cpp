#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>

#include "core/metrics/node_metrics.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/core/search_bench.hpp"

namespace fp::bench {

namespace {

constexpr size_t num_indexes = 2'000;
/// Counters and gauges that each index had, with those of its five states, its reasons and its tasks.
constexpr size_t num_values = 53;

/// Used as an index of many is: loaded, written to, searched.
void use(index_metrics& m) {
  m.set_state("ready");
  m.task_started(index_task::load);
  m.started_up(std::chrono::milliseconds(5));
  m.task_done(index_task::checkpoint, std::chrono::milliseconds(2));
  m.set_oplog_bytes(1234);
  for (int i = 0; i < 10; i++) m.updated(std::chrono::milliseconds(1));
  for (int i = 0; i < 100; i++) m.searched(i % 2, 100, 60, 4, std::chrono::microseconds(i * i));
}

/// The reference: every distribution and every value of every index, by prometheus-cpp.
std::string all_of_each(const std::vector<index_metrics_ptr>& indexes) {
  struct shown {
    const char* name;
    histogram_counts index_histograms::*counts;
    histogram_shape shape;
  };
  const std::vector<shown> distributions = {
      {"fpindex_search_duration_seconds", &index_histograms::searches, request_durations()},
      {"fpindex_scanned_docs_per_hash", &index_histograms::scanned, request_durations()},
      {"fpindex_update_duration_seconds", &index_histograms::updates, request_durations()},
      {"fpindex_segment_load_duration_seconds", &index_histograms::segment_loads, task_durations()},
      {"fpindex_startup_duration_seconds", &index_histograms::startups, task_durations()},
      {"fpindex_parallel_segment_count", &index_histograms::parallel_segments, task_durations()},
      {"fpindex_checkpoint_duration_seconds", &index_histograms::checkpoints, task_durations()},
      {"fpindex_merge_duration_seconds", &index_histograms::memory_merges, task_durations()},
      {"fpindex_merge_duration_seconds_of_files", &index_histograms::file_merges, task_durations()}};
  std::vector<prometheus::MetricFamily> families;
  for (size_t v = 0; v < num_values; v++) {
    auto& family = families.emplace_back();
    family.name = "fpindex_a_value_of_an_index_" + std::to_string(v);
    family.type = prometheus::MetricType::Gauge;
    for (const auto& index : indexes) {
      auto& metric = family.metric.emplace_back();
      metric.label.push_back({"index", index->index()});
      metric.gauge.value = static_cast<double>(v);
    }
  }
  for (const auto& d : distributions) {
    auto& family = families.emplace_back();
    family.name = d.name;
    family.type = prometheus::MetricType::Histogram;
    for (const auto& index : indexes) {
      const auto all = index->histograms();
      const auto& counts = all.*d.counts;
      auto& metric = family.metric.emplace_back();
      metric.label.push_back({"index", index->index()});
      auto& out = metric.histogram;
      for (size_t i = 0; i < counts.buckets.size(); i++) {
        out.sample_count += counts.buckets[i];
        out.bucket.push_back({out.sample_count, i < d.shape.bounds.size()
                                                    ? static_cast<double>(d.shape.bounds[i]) / d.shape.units
                                                    : std::numeric_limits<double>::infinity()});
      }
      out.sample_sum = static_cast<double>(counts.sum) / d.shape.units;
    }
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace

void run_exposition(const search_bench_options& o, reporter& report) {
  node_metrics node;
  for (size_t i = 0; i < num_indexes; i++) use(*node.add_index("index" + std::to_string(i)));
  const auto indexes = node.indexes();
  std::vector<double> ours_ms, theirs_ms, times, ours_mb, theirs_mb, sizes;
  for (uint32_t round = 0; round <= o.rounds; round++) {
    std::string ours, theirs;
    const double our_time = cpu_seconds([&] { ours = node.text(); }) * 1e3;
    const double their_time = cpu_seconds([&] { theirs = all_of_each(indexes); }) * 1e3;
    if (round == 0) continue;  // warms up
    ours_ms.push_back(our_time);
    theirs_ms.push_back(their_time);
    times.push_back(their_time / our_time);
    ours_mb.push_back(static_cast<double>(ours.size()) / 1e6);
    theirs_mb.push_back(static_cast<double>(theirs.size()) / 1e6);
    sizes.push_back(theirs_mb.back() / ours_mb.back());
  }
  report.add({.id = "metrics/exposition/bytes",
              .what = "metrics of 2,000 used indexes, bytes",
              .unit = "MB",
              .ours = spread_of(ours_mb),
              .reference_name = "every distribution of every index",
              .reference = spread_of(theirs_mb),
              .ratio = spread_of(sizes),
              .target = 10,
              .limit = "a line a value",
              .x = {{"indexes", double{num_indexes}}}});
  report.add({.id = "metrics/exposition/time",
              .what = "metrics of 2,000 used indexes, time",
              .unit = "ms",
              .ours = spread_of(ours_ms),
              .reference_name = "every distribution of every index, by prometheus-cpp",
              .reference = spread_of(theirs_ms),
              .ratio = spread_of(times),
              .target = 10,
              .limit = "a line a value",
              .x = {{"indexes", double{num_indexes}}}});
}

}  // namespace fp::bench
