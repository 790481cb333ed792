#pragma once

#include <cstdint>

#include "core/base/types.hpp"
#include "core/commit/commit_range.hpp"

namespace fp {

/// Facts about a segment that are known without looking at its postings.
struct segment_info {
  commit_id previous_commit = 0;                ///< this and the next two lines: see `commit_range`
  commit_id first_commit = 0, last_commit = 0;  ///< the commits that the segment holds, inclusive
  uint32_t first_part = 0, last_part = 0;
  uint64_t num_postings = 0;
  uint64_t num_documents = 0;                      ///< documents that the segment speaks for, tombstones included
  uint64_t num_tombstones = 0;                     ///< of those, deleted ones
  document_id min_document = 0, max_document = 0;  ///< over all of them; 0 and 0 when there are none
  uint64_t num_bytes = 0;
  uint64_t checksum = 0;  ///< over every byte (the header's XXH3-64: the header holds each section's)

  commit_range commits() const noexcept {
    return {previous_commit, first_commit, last_commit, first_part, last_part};
  }
  friend bool operator==(const segment_info&, const segment_info&) = default;
};

}  // namespace fp
