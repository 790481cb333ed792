#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace fp {

/// One 32-bit Chromaprint sub-fingerprint. Any value is valid.
using hash_value = uint32_t;

/// Names a document (a recording's fingerprint) in an index: 1 to 2^32-1.
using document_id = uint32_t;

/// Number of an atomic, durable commit. Commits ascend strictly and may jump: a commit covers the range from the
/// one before it, its `previous`, up to its own id. 0 means "before the first commit".
using commit_id = uint64_t;

/// The last commit and the last generation that there can be: the number behind them is never one of either, so
/// that what comes next can always be told.
inline constexpr commit_id max_commit_id = UINT64_MAX - 1;
inline constexpr uint64_t max_generation = UINT64_MAX - 1;

/// Free key-value pairs of an index; they change by commits like documents do.
using metadata_map = std::map<std::string, std::string>;

/// One (hash, document) pair in its sort key form: hash in the upper, document id in the lower 32 bits, so
/// that comparing keys orders by (hash, id).
using posting = uint64_t;

constexpr posting make_posting(hash_value hash, document_id id) noexcept { return posting{hash} << 32 | id; }
constexpr hash_value posting_hash(posting p) noexcept { return static_cast<hash_value>(p >> 32); }
constexpr document_id posting_document(posting p) noexcept { return static_cast<document_id>(p); }

/// One answer of a search: a document and the number of distinct query hashes that it holds.
struct search_result {
  document_id id = 0;
  uint32_t score = 0;

  friend bool operator==(const search_result&, const search_result&) = default;
};

}  // namespace fp
