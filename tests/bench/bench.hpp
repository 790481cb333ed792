#pragma once

#include <time.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/types.hpp"

namespace fp::bench {

struct options {
  uint64_t postings = 10'000'000;
  uint32_t hashes_per_document = 100;
  uint32_t rounds = 5;
  std::filesystem::path folder;  ///< for files; empty ones are made below it
  std::filesystem::path json;    ///< the file that a `reporter` appends to, or empty
};

/// Smallest, median and largest of several measurements.
struct spread {
  double min = 0, median = 0, max = 0;
};
spread spread_of(std::vector<double> values);

/// Seconds that `f` takes.
template <class F>
double seconds(F&& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Seconds that the calling thread is on a processor during `f`: for work that never waits, what it takes on a
/// machine that is not shared.
template <class F>
double cpu_seconds(F&& f) {
  const auto now = [] {
    timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
  };
  const double start = now();
  f();
  return now() - start;
}

/// What took how long beside its reference, round for round.
struct paired_times {
  spread ours, reference, ratio;  ///< above 1: faster than the reference
};

/// Calls `run` so many times after it has warmed up; it returns the times of ours and of the reference.
template <class Run>
paired_times time_pairs(uint32_t rounds, const Run& run) {
  std::vector<double> ours, references, ratios;
  run();
  for (uint32_t round = 0; round < rounds; round++) {
    const std::pair<double, double> times = run();
    ours.push_back(times.first);
    references.push_back(times.second);
    ratios.push_back(times.second / times.first);
  }
  return {spread_of(std::move(ours)), spread_of(std::move(references)), spread_of(std::move(ratios))};
}

/// Uniform 28-bit hashes (the lower four bits are zero, as AcoustID's are), `count` a document.
class uniform_documents {
 public:
  uniform_documents(uint64_t seed, uint32_t count) : state_(seed), count_(count) {}
  const std::vector<hash_value>& next();

 private:
  uint64_t state_;
  uint32_t count_;
  std::vector<hash_value> hashes_;
};

/// Seconds to read files with read(2) into fresh memory: what no loader that looks at its bytes can beat by much.
double read_files(const std::vector<std::filesystem::path>& files);

/// A folder of a benchmark, removed with what is in it.
class scratch_folder {
 public:
  explicit scratch_folder(const std::filesystem::path& parent);
  ~scratch_folder();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// One measured figure beside its reference of the same run.
struct figure {
  std::string id;    ///< names it across runs: "search/uniform/10000000/1"
  std::string what;  ///< for people
  std::string unit;  ///< of ours and of the reference: "us/query"
  spread ours;
  std::string reference_name;  ///< "block layout"
  spread reference;
  spread ratio;                     ///< above 1: better than the reference, in whichever direction the unit is good
  std::optional<double> target;     ///< what the ratio's median should reach
  std::string limit;                ///< what bounds the figure: "memory latency"
  std::map<std::string, double> x;  ///< what it depends on: {"items", 1e7}, {"segments", 1}
};

/// A figure over time, or over anything else that is not a figure of its own each time.
struct figure_series {
  std::string id, what;
  std::string x_unit, unit;
  std::vector<std::pair<double, double>> points;
};

/// Prints figures as the rows of a Markdown table, and appends each to a file as one line of JSON (the members of
/// `figure` by their names, the reference's name inside "reference"; of a series the points are "series").
class reporter {
 public:
  /// Without a file's name nothing is written.
  explicit reporter(const std::filesystem::path& json = {});

  void print_head() const;
  void add(const figure& f);
  void add(const figure_series& s);

 private:
  void append(const std::string& line);

  std::filesystem::path path_;
  std::ofstream json_;
};

}  // namespace fp::bench
