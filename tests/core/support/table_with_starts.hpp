#pragma once

#include <span>
#include <vector>

#include "core/segment/posting_table.hpp"
#include "core/segment/segment.hpp"

namespace fp::test {

/// The postings of a segment with the start of every bucket, as segments up to version 4 have them.
class table_with_starts {
 public:
  /// The segment must outlive it.
  explicit table_with_starts(const segment& of) {
    const posting_table& table = of.postings();
    const hash_split split = table.split();
    starts_.reserve(split.num_buckets() + 1);
    for (uint32_t b = 0; b < split.num_buckets(); b++) starts_.push_back(table.bucket_range(b).first);
    starts_.push_back(static_cast<uint32_t>(table.size()));
    const auto buckets =
        bucket_directory::of_starts(split.bucket_bits, table.size(), std::as_bytes(std::span(starts_)).data());
    table_ = posting_table(split, buckets, table.entries(),
                           bits_for(of.info().max_document - of.info().min_document), of.info().min_document);
  }
  table_with_starts(const table_with_starts&) = delete;
  table_with_starts& operator=(const table_with_starts&) = delete;

  const posting_table& table() const noexcept { return table_; }

 private:
  std::vector<uint32_t> starts_;
  posting_table table_;
};

}  // namespace fp::test
