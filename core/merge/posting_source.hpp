#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/base/doc_set.hpp"
#include "core/base/types.hpp"
#include "core/merge/sorted_run.hpp"
#include "core/segment/segment.hpp"

namespace fp {

/// An ascending stream of 64-bit keys, delivered in blocks.
class key_source {
 public:
  virtual ~key_source() = default;
  /// Fills a prefix of `out` and returns its length; 0 only at the end.
  virtual size_t read(std::span<uint64_t> out) = 0;
};

/// Membership of document ids in a set, quick enough to be asked for every posting. The set must outlive it.
class document_filter {
 public:
  /// An empty filter holds nothing.
  document_filter() = default;
  explicit document_filter(const doc_set& set);

  bool is_empty() const noexcept { return set_ == nullptr; }
  bool contains(document_id id) const noexcept {
    if (bits_.empty()) return set_ != nullptr && set_->contains(id);
    const uint64_t relative = uint64_t{id} - min_;  // wraps to beyond the range below the minimum
    return relative < range_ && (bits_[relative / 64] >> (relative % 64) & 1) != 0;
  }

 private:
  const doc_set* set_ = nullptr;
  document_id min_ = 0;
  uint64_t range_ = 0;
  std::vector<uint64_t> bits_;  ///< a plain bitmap, unless the range of ids is too wide for one
};

/// The postings of a segment in order, without those of the documents that `dropped` holds. Segment and filter
/// must outlive the source.
std::unique_ptr<key_source> make_posting_source(const segment& s, const document_filter& dropped);

/// The same, for a merge. Its size is that of all postings.
std::unique_ptr<sorted_run> make_posting_run(const segment& s, const document_filter& dropped);

/// How many postings they deliver. Throws `cancelled`.
uint64_t count_postings(const segment& s, const document_filter& dropped, const cancel_flag* cancel);

}  // namespace fp
