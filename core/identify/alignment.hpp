#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/base/types.hpp"

namespace fp {

/// Chromaprint's hash of silence, and of two channels in opposite phase. It says nothing about a recording.
inline constexpr hash_value silence_hash = 627'964'279;

/// A query laid over a stored fingerprint: position i of the query at position i + `offset` of the stored one.
struct alignment {
  int64_t offset = 0;
  uint32_t num_compared = 0;  ///< positions at which both have a hash other than silence
  uint32_t num_equal = 0;     ///< of these, with equal hashes
  uint32_t num_distinct = 0;  ///< distinct hashes of the query among those compared
  uint64_t num_wrong_bits = 0;

  /// Share of wrong bits of those compared: 0 for the same audio, about a half for any other.
  double error() const noexcept {
    return num_compared == 0 ? 1.0 : static_cast<double>(num_wrong_bits) / (32.0 * num_compared);
  }

  friend bool operator==(const alignment&, const alignment&) = default;
};

/// The alignment of two fingerprints at one offset.
alignment align_at(std::span<const hash_value> query, std::span<const hash_value> stored, int64_t offset);

struct aligner_options {
  /// Pairs of hashes that differ in at most so many bits name an offset, up to `aligner::most_wrong_bits`.
  uint32_t max_wrong_bits = 2;
  /// Offsets whose bits are counted, those that most pairs name.
  size_t max_offsets = 32;
  /// An alignment compares at least this share of the query's hashes other than silence, or of the stored ones,
  /// whichever are fewer, and at least `min_compared` positions.
  double min_overlap = 0.5;
  uint32_t min_compared = 8;
};

/// Finds where in stored fingerprints a query lies. Both are ordered, as Chromaprint makes them.
///
/// As in Chromaprint's own matcher, pairs of like hashes vote for the difference of their places, and bits decide
/// between the differences with the most votes. There, like hashes have equal upper 12 bits; here, at most
/// `max_wrong_bits` bits in all are different. Two such hashes agree in one of three parts at least, which finds
/// all pairs by three tables of the query.
///
/// Time and memory of `best` grow with the lengths, whatever the hashes are: of a part that comes again and again
/// in the query, as a tone's does, only the first `max_part_repeats` places are looked at. Objects serve one
/// thread.
class aligner {
 public:
  static constexpr uint32_t most_wrong_bits = 2;
  static constexpr size_t max_part_repeats = 256;

  explicit aligner(std::vector<hash_value> query, aligner_options options = {});

  const std::vector<hash_value>& query() const noexcept { return query_; }
  /// The alignment with the least error, the one with the least offset of equal ones. None when no pair of hashes
  /// is alike, or when too few positions can be compared.
  std::optional<alignment> best(std::span<const hash_value> stored);
  /// All that were looked at, with at most so much more error than the best, by error and then by offset.
  std::vector<alignment> places(std::span<const hash_value> stored, double more_error);

 private:
  static constexpr size_t num_parts = 3;
  static constexpr uint32_t part_bits = 11;  ///< the last has 10
  static constexpr size_t num_buckets = size_t{1} << part_bits;

  /// The query's places by one part of their hashes.
  struct part_table {
    std::vector<uint32_t> starts;  ///< of each value's places, `num_buckets` + 1
    std::vector<uint32_t> places;
  };
  static uint32_t part_of(hash_value hash, size_t part) noexcept {
    return hash >> (part * part_bits) & (num_buckets - 1);
  }
  void count_votes(std::span<const hash_value> stored);
  /// Offsets plus the query's length, by votes and then by themselves.
  void choose_offsets();

  std::vector<hash_value> query_;
  aligner_options options_;
  uint32_t num_sounding_ = 0;  ///< hashes of the query other than silence
  std::array<part_table, num_parts> tables_;
  std::vector<uint32_t> votes_, chosen_;  ///< scratch
};

}  // namespace fp
