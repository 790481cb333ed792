#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/commit/changes.hpp"
#include "core/index/snapshot.hpp"

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

void run_search(const options& o);
void run_loading(const options& o);
void run_ingest(const options& o);
void run_metrics(const options& o);

}  // namespace fp::bench
