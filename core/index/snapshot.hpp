#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/base/doc_set.hpp"
#include "core/base/types.hpp"
#include "core/index/index_metadata.hpp"
#include "core/segment/segment.hpp"

namespace fp {

class snapshot;
using snapshot_ptr = std::shared_ptr<const snapshot>;

/// Totals of a snapshot: documents are the live ones; postings and bytes are what is stored, superseded and deleted
/// documents included until a merge drops them.
struct snapshot_stats {
  document_id min_document = 0, max_document = 0;
  uint64_t num_documents = 0, num_postings = 0, num_bytes = 0, memory_postings = 0;
  size_t num_segments = 0, num_memory_segments = 0;
};

/// An index at one commit: an immutable list of adjacent segments, oldest first. File segments come before
/// memory segments. Changing an index means making a new snapshot; whoever still holds an old one goes on
/// reading it undisturbed.
class snapshot {
 public:
  /// A segment, and what the segments around it make of it. Counts are kept with it, so that looking at an index
  /// takes no work on sets.
  struct entry {
    segment_ptr segment;
    /// Documents of this segment that a newer segment speaks for; null when there are none.
    doc_set_ptr superseded;
    /// Tombstones of this segment that hide nothing, because no older segment speaks for their documents; null when
    /// there are none.
    doc_set_ptr needless_tombstones;
    /// Documents whose newest version is in this segment, not deleted; the smallest and the largest of them, 0 and
    /// 0 when there are none.
    uint64_t live_documents = 0;
    document_id min_live = 0, max_live = 0;
    /// Tombstones that a merge with nothing but itself would keep.
    uint64_t needed_tombstones = 0;
  };

  snapshot() = default;

  /// From adjacent segments, oldest first; cost follows their sizes. Throws `corrupt_data` when one does not
  /// go on where the one before it ends (see `commit_range`).
  static snapshot_ptr from_segments(std::vector<segment_ptr> segments);

  /// With one newer segment; cost follows the new segment's size, not the index's.
  snapshot_ptr with_added(segment_ptr newest) const;

  /// With `count` adjacent segments from position `first` on replaced by the one they were merged into, which
  /// covers the same commits; cost follows the replaced segments' sizes.
  snapshot_ptr with_replaced(size_t first, size_t count, segment_ptr merged) const;

  std::span<const entry> entries() const noexcept { return entries_; }
  /// Position of a segment, by identity; nothing when it is not in here.
  std::optional<size_t> position_of(const segment* s) const noexcept;

  /// The newest commit in here, and the newest one that a file segment holds; 0: none. Only a snapshot of a part of
  /// an index ends within a commit.
  commit_id version() const noexcept;
  commit_id file_version() const noexcept;
  size_t num_file_segments() const noexcept;

  /// The newest state of a document; nothing for one that is absent or deleted. Throws as `require_readable`.
  std::optional<document_state> find(document_id id) const;
  /// Throws `io_error` with file and offset when a page of a segment could not be read since it was loaded: to be
  /// asked before what was made of the segments' bytes goes anywhere.
  void require_readable() const;
  /// Metadata of all segments, newer entries over older ones.
  const index_metadata& metadata() const noexcept { return *metadata_; }
  snapshot_stats stats() const;

 private:
  /// Goes on with the metadata that it has, unless the segments that hold any are others now.
  void renew_metadata();

  std::vector<entry> entries_;
  std::shared_ptr<const index_metadata> metadata_ =
      std::make_shared<const index_metadata>(std::vector<segment_ptr>());
};

}  // namespace fp
