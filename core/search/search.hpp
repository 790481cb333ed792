#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/base/cancel.hpp"
#include "core/base/types.hpp"
#include "core/index/snapshot.hpp"
#include "core/search/counting_work.hpp"

namespace fp {

struct search_options {
  uint32_t limit = 40;
  /// Default: (number of query hashes as given + 19) / 20.
  std::optional<uint32_t> min_score;
  /// Results below this share of the best score are dropped.
  uint32_t score_pct = 10;
  /// A query hash finds all hashes that differ from it in so many bits at most; up to `max_probes`.
  unsigned probes = 0;
  steady_clock::time_point deadline = steady_clock::time_point::max();
  const cancel_flag* cancel = nullptr;
  /// Segments that lie on the disk may have little in memory: all pages are asked for before one is touched. Where
  /// they are in memory that takes a third of a microsecond a page, which who knows it saves.
  bool may_be_cold = false;
  /// Bound on a search's memory, without the results, of which there are at most `limit`.
  uint64_t max_bytes = uint64_t{64} << 20;
  /// The clock of `deadline`.
  steady_clock::time_point (*now)() noexcept = &steady_clock::now;
};

struct search_outcome {
  std::vector<search_result> results;  ///< score descending, then id ascending
  uint64_t num_hashes = 0;             ///< distinct query hashes
  uint64_t num_postings = 0;           ///< postings that matched, before superseded ones were left out
  counting_work work;
};

/// The hashes of a query, at any address: bytes of a message are searched without a copy for their alignment's
/// sake.
class query_view {
 public:
  query_view(std::span<const hash_value> hashes) : bytes_(std::as_bytes(hashes)) {}
  query_view(const std::vector<hash_value>& hashes) : query_view(std::span(hashes)) {}
  /// From `hash_value`s in this machine's order.
  static query_view of_bytes(std::span<const std::byte> bytes) { return query_view(bytes); }

  size_t size() const noexcept { return bytes_.size() / sizeof(hash_value); }
  /// Copies the hashes from position `first` on.
  void copy(size_t first, std::span<hash_value> out) const noexcept {
    if (!out.empty()) std::memcpy(out.data(), bytes_.data() + first * sizeof(hash_value), out.size_bytes());
  }

 private:
  explicit query_view(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

/// Finds the documents that share the most distinct hashes with a query. An object keeps some scratch memory
/// between calls and serves one thread; make one per thread.
///
/// score(document) = number of distinct query hashes that the newest version of the document holds; with `probes`,
/// that it holds a hash near to. So a score is at most the number of query hashes. Results
/// below max(min_score, best * score_pct / 100) are dropped, then `limit` applies. Throws `search_timeout`
/// past the deadline and `cancelled` when told so, each within a millisecond of work or one page that comes from a
/// disk, and `payload_too_large` for a query whose hashes alone take more memory than `max_bytes` allows. Documents
/// whose scores take more are counted in several passes.
class searcher {
 public:
  searcher();
  /// With hash tables that are laid out by `seed`.
  explicit searcher(uint64_t seed);
  ~searcher();
  searcher(const searcher&) = delete;
  searcher& operator=(const searcher&) = delete;

  search_outcome search(const snapshot& index, query_view query, const search_options& options);

  /// Memory that is held at the moment: between searches at most `kept_bytes`.
  uint64_t scratch_bytes() const noexcept;
  static constexpr uint64_t kept_bytes = uint64_t{1} << 20;

 private:
  struct scratch;
  std::unique_ptr<scratch> scratch_;
};

}  // namespace fp
