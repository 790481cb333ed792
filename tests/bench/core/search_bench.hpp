#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/bench/bench.hpp"
#include "tests/bench/core/corpus.hpp"

namespace fp::bench {

struct search_bench_options {
  std::vector<uint64_t> postings{1'000'000, 10'000'000, 100'000'000};  ///< with uniform hashes
  uint64_t music_postings = 50'000'000;                                ///< with the statistics of real fingerprints
  std::vector<uint64_t> file_postings{10'000'000, 100'000'000};        ///< with uniform hashes, in files
  uint64_t rest_postings = 20'000'000;     ///< like real music, ingested and left at rest
  uint64_t import_postings = 20'000'000;   ///< of an index of fpindex
  uint64_t near_postings = 100'000'000;    ///< of what is searched for near hashes
  uint64_t cold_postings = 100'000'000;    ///< of a file that has left memory
  size_t growth_segments = 1'000;          ///< of 10,000 documents
  size_t growth_documents = 500'000;       ///< in each of 45 segments
  uint32_t traffic_scale = 200;            ///< AcoustID's traffic, scaled down by this
  uint32_t hot_documents = 20'000'000;     ///< that a search finds
  uint32_t held_by = 1'500'000;            ///< documents that hold a hot hash
  uint32_t changelog_documents = 400'000;  ///< in a changelog that is read
  uint32_t traffic_days = 1;               ///< and as many times 30
  uint32_t hashes_per_document = 100;      ///< with uniform hashes
  uint32_t hashes_per_query = 100;
  uint32_t queries = 4'000;
  uint32_t rounds = 9;
  std::vector<size_t> segments{1, 4, 16};
  std::filesystem::path fingerprints;
  std::filesystem::path folder;  ///< for files; empty ones are made below it
  std::filesystem::path json;    ///< the file that a `reporter` appends to, or empty
};

/// What is searched.
struct search_subject {
  std::string kind, what;  ///< "uniform" and "uniform 100 M"
  uint64_t items = 0;
  size_t segments = 1;
  bool uniform = false;  ///< 28-bit hashes

  std::string id() const { return kind + "/" + std::to_string(items) + "/" + std::to_string(segments); }
  std::map<std::string, double> x() const {
    return {{"items", static_cast<double>(items)}, {"segments", static_cast<double>(segments)}};
  }
};

/// Searches with ranking against bare look-ups in the block layout.
void measure_latency(const search_subject& on, const corpus& c, const search_bench_options& o, double target,
                     reporter& report);
/// Bytes an item against the block layout and, of uniform hashes, against `bits_of_set`.
void report_size(const search_subject& on, const corpus& c, reporter& report);

/// log2 of the number of sets of so many (28-bit hash, document) pairs: no code is shorter for all of them.
double bits_of_set(double items, double documents);

/// Searches in memory, and two threads against one.
void run_uniform(const search_bench_options& o, reporter& report);
void run_music(const search_bench_options& o, reporter& report);
/// Building, merging, loading and searching segment files.
void run_files(const search_bench_options& o, reporter& report);
/// What grows with segments and with dead documents: supersessions, totals, starts, and days of simulated traffic.
void run_growth(const search_bench_options& o, reporter& report);
/// Searches of an index at rest, and during an ingest, against the same as one segment.
void run_rest(const search_bench_options& o, reporter& report);
/// Importing segments of fpindex against merging the same of ours.
void run_import(const search_bench_options& o, reporter& report);
/// Searches that find what is one or two bits away against those that do not.
void run_near(const search_bench_options& o, reporter& report);
/// Searches of a mapped file that has left memory.
void run_cold(const search_bench_options& o, reporter& report);
/// Searches for hashes that many documents hold.
void run_hot(const search_bench_options& o, reporter& report);
/// What a follower reads of a local changelog against reading its files, and appends of many writers against one's.
void run_changelog(const search_bench_options& o, reporter& report);
/// What searches take at most, whatever is searched for.
void run_bounds(const search_bench_options& o, reporter& report);
/// Recording a search in the metrics against the search itself, and against prometheus-cpp's own objects.
void run_metrics(const search_bench_options& o, reporter& report);
/// The metrics' text of many indexes against one that shows every distribution of each.
void run_exposition(const search_bench_options& o, reporter& report);

}  // namespace fp::bench
