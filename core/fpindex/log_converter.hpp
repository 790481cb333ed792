#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/fpindex/commit_chain.hpp"
#include "core/fpindex/oplog_reader.hpp"
#include "core/segment/memory_segment_builder.hpp"

namespace fp::fpindex {

/// Makes segments of the commits of a log, in bounded memory: as many as fit into one together, and of one that
/// does not fit several parts. Commits of one version become one.
class log_converter {
 public:
  static constexpr size_t default_segment_bytes = size_t{16} << 20;

  /// `on_segment` is given the segments, oldest first. Both must outlive the converter. `max_bytes`: of changes in
  /// one segment, beyond which another one begins.
  log_converter(commit_chain& chain, std::function<void(segment_ptr)> on_segment,
                size_t max_bytes = default_segment_bytes);

  /// Throws `corrupt_data` when the commit's version is older than the newest so far, and what `on_segment` throws.
  void add(logged_commit commit);
  /// There are no more.
  void finish();

 private:
  /// A version that is not in a segment yet.
  struct pending_commit {
    uint64_t version = 0;
    std::vector<uint8_t> changes;
    std::string place;
  };

  /// Makes a segment of what is pending.
  void flush(bool is_whole);

  commit_chain& chain_;
  std::function<void(segment_ptr)> on_segment_;
  size_t max_bytes_;
  std::vector<pending_commit> pending_;
  size_t pending_bytes_ = 0;
  memory_segment_builder builder_;
};

}  // namespace fp::fpindex
