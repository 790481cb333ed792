#pragma once

#include <initializer_list>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/base/types.hpp"
#include "core/commit/changes.hpp"
#include "core/segment/segment.hpp"

namespace fp::test {

/// Versions that jump have another `previous` than the id before.
inline commit make_commit_behind(commit_id previous, commit_id id, changes_encoder& changes) {
  return {previous, id, std::make_shared<const std::vector<uint8_t>>(changes.take())};
}
inline commit make_commit(commit_id id, changes_encoder& changes) {
  return make_commit_behind(id - 1, id, changes);
}

using documents = std::vector<std::pair<document_id, std::vector<hash_value>>>;

/// A commit that inserts some documents and deletes others.
inline commit make_commit_behind(commit_id previous, commit_id id, const documents& inserts,
                                 const std::vector<document_id>& erased = {}) {
  changes_encoder changes;
  for (const auto& [document, hashes] : inserts) changes.insert(document, hashes);
  for (const document_id document : erased) changes.erase(document);
  return make_commit_behind(previous, id, changes);
}
inline commit make_commit(commit_id id, const documents& inserts, const std::vector<document_id>& erased = {}) {
  return make_commit_behind(id - 1, id, inserts, erased);
}

inline segment_ptr make_segment(const commit& c) { return build_memory_segment({&c, 1}); }

/// Draws hashes and document ids the way real data has them, and the ways that hurt.
class random_data {
 public:
  using engine = std::mt19937_64;

  explicit random_data(uint64_t seed) : random_(seed) {
    low_zero_bits_ = pick({0, 0, 4, 4, 13, 31});
    hash_bits_ = pick({2, 6, 10, 16, 32});
    skewed_ = chance(30);
    id_range_ = pick({1, 20, 300, 300, 5000});
    id_shift_ = pick({0, 0, 0, 20});
    top_ids_ = chance(20);
  }

  uint64_t below(uint64_t limit) { return random_() % limit; }
  bool chance(unsigned percent) { return below(100) < percent; }
  uint32_t pick(std::initializer_list<uint32_t> values) { return values.begin()[below(values.size())]; }

  hash_value hash() {
    if (chance(3)) return low_zero_bits_ == 0 ? pick({0, 0xffffffff}) : 0;
    if (chance(10)) return hash_value{1} << low_zero_bits_;  // a hot one
    uint64_t value = random_();
    if (skewed_) value &= random_() & random_();
    return static_cast<hash_value>(value % (uint64_t{1} << hash_bits_)) << low_zero_bits_;
  }
  std::vector<hash_value> hashes(size_t max_count) {
    std::vector<hash_value> result(1 + below(max_count));
    for (auto& h : result) h = hash();
    if (chance(50))
      result.insert(result.end(), result.begin(), result.begin() + static_cast<long>(result.size() / 2));
    return result;
  }
  document_id id() {
    if (chance(1)) return pick({1, 0xffffffff});
    const auto offset = static_cast<document_id>(below(id_range_) << id_shift_);
    return top_ids_ ? 0xffffffff - offset : 1 + offset;
  }

  /// A version that may follow another one: the next number, or some or many numbers away.
  commit_id version_behind(commit_id previous) {
    switch (below(4)) {
      case 0:
        return previous + 1 + below(10);
      case 1:
        return previous + 1 + (random_() >> (24 + below(30)));
      default:
        return previous + 1;
    }
  }

  /// A commit of a few random changes.
  commit next_commit(commit_id id, size_t max_changes = 30, size_t max_hashes = 40) {
    return random_commit(id - 1, id, max_changes, max_hashes);
  }
  /// The same, whose version may jump.
  commit commit_behind(commit_id previous, size_t max_changes = 30, size_t max_hashes = 40) {
    const commit_id id = version_behind(previous);
    return random_commit(previous, id, max_changes, max_hashes);
  }
  commit random_commit(commit_id previous, commit_id id, size_t max_changes, size_t max_hashes) {
    changes_encoder changes;
    for (uint64_t i = below(max_changes + 1); i > 0; i--) {
      if (chance(20)) {
        changes.erase(this->id());
      } else if (chance(5)) {
        const auto key = "key " + std::to_string(below(5));
        if (chance(30)) {
          changes.remove_metadata(key);
        } else {
          changes.set_metadata(key, std::to_string(below(1000)));
        }
      } else {
        changes.insert(this->id(), hashes(max_hashes));
      }
    }
    return make_commit_behind(previous, id, changes);
  }

 private:
  engine random_;
  uint32_t low_zero_bits_, hash_bits_, id_range_, id_shift_;
  bool skewed_, top_ids_;
};

}  // namespace fp::test
