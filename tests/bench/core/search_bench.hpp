#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "tests/bench/bench.hpp"

namespace fp::bench {

struct search_bench_options {
  uint64_t postings = 100'000'000;       ///< with uniform hashes
  uint64_t music_postings = 50'000'000;  ///< with the statistics of real fingerprints
  uint32_t hashes_per_document = 100;    ///< with uniform hashes
  uint32_t hashes_per_query = 100;
  uint32_t queries = 4'000;
  uint32_t rounds = 9;
  std::vector<size_t> segments{1, 4, 16};
  std::filesystem::path fingerprints;
  std::filesystem::path json;  ///< the file that a `reporter` appends to, or empty
};

/// Searches with ranking against bare look-ups in the block layout, and two threads against one.
void run_uniform(const search_bench_options& o, reporter& report);
void run_music(const search_bench_options& o, reporter& report);
/// Recording a search in the metrics against the search itself, and against prometheus-cpp's own objects.
void run_metrics(const search_bench_options& o, reporter& report);

}  // namespace fp::bench
