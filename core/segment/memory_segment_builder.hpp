#pragma once

#include <span>
#include <vector>

#include "core/commit/changes.hpp"
#include "core/segment/document_change.hpp"
#include "core/segment/posting_sorter.hpp"
#include "core/segment/segment.hpp"

namespace fp {

/// Builds segments in memory, one after the other, as `build_memory_segment` does. What one needed while it was
/// built is kept for the next: about 16 bytes a posting and 40 a document of the largest one. Fresh memory for each
/// would cost more than the sorting.
class memory_segment_builder {
 public:
  segment_ptr build(std::span<const commit_view> commits, commit_parts parts = {});

 private:
  /// Of several changes to one document only the last one, in id order.
  void read_documents(std::span<const commit_view> commits, std::vector<metadata_entry>& metadata);

  std::vector<document_change> documents_;
  posting_sorter sorter_;
};

}  // namespace fp
