#pragma once

#include <time.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/types.hpp"

namespace fp::bench {

struct options {
  uint64_t postings = 10'000'000;
  uint32_t hashes_per_document = 100;
  uint32_t rounds = 5;
  std::filesystem::path folder;  ///< for files; empty ones are made below it
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

/// A folder of a benchmark, removed with what is in it.
class scratch_folder {
 public:
  explicit scratch_folder(const std::filesystem::path& parent);
  ~scratch_folder();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// One line of results: what, how much, the reference, and the ratio that the claim is about.
void print_row(const std::string& what, const std::string& ours, const std::string& reference, spread ratio);

/// Above the rows.
void print_table_head();

}  // namespace fp::bench
