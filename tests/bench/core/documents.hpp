#pragma once

#include <algorithm>
#include <filesystem>
#include <random>
#include <vector>

#include "tests/bench/bench.hpp"
#include "tests/bench/core/corpus.hpp"

namespace fp::bench {

/// Uniform 28-bit hashes; a query is a whole document.
class uniform_source final : public document_source {
 public:
  explicit uniform_source(uint32_t hashes_per_document) : documents_(7, hashes_per_document) {}
  const std::vector<hash_value>& next() override { return *(last_ = &documents_.next()); }
  std::vector<hash_value> query(size_t count) override {
    return {last_->begin(), last_->begin() + static_cast<std::ptrdiff_t>(std::min(count, last_->size()))};
  }

 private:
  uniform_documents documents_;
  const std::vector<hash_value>* last_ = nullptr;
};

/// Documents with the statistics of real fingerprints, as many as wanted; `tests/bench/README.md` says how they are
/// made and how they compare. A query is a degraded part of a document.
class music_source final : public document_source {
 public:
  static constexpr hash_value silence = 0x256df970;  ///< in every tenth track

  /// `fingerprints`: `tests/data/fingerprints.txt.gz`.
  explicit music_source(const std::filesystem::path& fingerprints);

  const std::vector<hash_value>& next() override;
  std::vector<hash_value> query(size_t count) override;

 private:
  /// Stretches of real fingerprints, one after the other.
  struct stream {
    const std::vector<hash_value>* track = nullptr;
    size_t at = 0, left = 0;
  };

  size_t below(size_t limit) { return random_() % limit; }
  bool chance(double share) { return std::generate_canonical<double, 32>(random_) < share; }
  hash_value next_of(stream& s);

  std::mt19937_64 random_{17};
  std::vector<std::vector<hash_value>> tracks_;
  stream upper_, lower_;
  std::vector<hash_value> document_;
};

}  // namespace fp::bench
