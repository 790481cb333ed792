#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/base/aligned_memory.hpp"
#include "core/fs/file_system.hpp"
#include "core/segment/segment.hpp"
#include "core/segment/segment_stream_checker.hpp"

namespace fp {

/// Verifies the file of a segment that is being served once more, a piece a call, so that whoever calls can rest in
/// between. Takes one piece of memory, whatever the segment's size, and does not keep the segment alive.
///
/// Every byte of the file is checked against its checksums. It is read past the page cache where the file system
/// can do that: what is seen then is the disk, not the pages that a mapped segment is searched in; where it cannot
/// (in memory, some networks), what is seen is the page cache. A mapping itself is never touched: what the disk
/// does not give back would be zeros there from then on. A segment that was read into the node's own memory is
/// compared with its file byte by byte, so damage of either is found and told apart.
class segment_scrubber {
 public:
  enum class outcome {
    unfinished,
    intact,  ///< every byte is right
    gone,    ///< nobody serves the segment any more; the rest was not looked at
  };

  /// The file is opened by the first `next`. `piece_bytes` is rounded down to a multiple of `uncached_alignment`,
  /// of which it is at least one.
  segment_scrubber(file_system& fs, path file, const segment_ptr& served, size_t piece_bytes);

  /// Reads and checks the next piece. Throws `corrupt_data` with file and offset in the call that completes a
  /// damaged section, or `io_error` (with an offset, too, where a read failed); not to be called again after that,
  /// nor after another outcome than `unfinished`. Then the segment counts as checked, unless it is right and
  /// another file has been put in the place of the one that is mapped.
  outcome next();

  /// Bytes that were read so far.
  uint64_t num_bytes() const noexcept { return offset_; }
  /// Of the segment, as it was loaded.
  const segment_info& info() const noexcept { return expected_; }

 private:
  outcome next_of(const segment& served);
  void open();
  void require_size() const;
  std::span<const std::byte> read_piece();
  void compare(std::span<const std::byte> piece, const segment& served);

  file_system& fs_;
  path file_;
  std::string name_;
  std::weak_ptr<const segment> served_;
  segment_info expected_;
  size_t piece_bytes_;
  aligned_memory memory_;
  std::span<std::byte> buffer_;  ///< the part of `memory_` that starts as `uncached_alignment` asks
  std::unique_ptr<readable_file> source_;
  std::optional<segment_stream_checker> checker_;
  uint64_t offset_ = 0;
  std::optional<uint64_t> difference_;  ///< of the first byte that is another one in the segment's own memory
};

/// Whether the manifest in `data` names the segment. If it does not, a merge has replaced the segment, and its file
/// may be gone or go at any time, which is no damage. A manifest that cannot be read counts as one that names it.
bool is_named(file_system& fs, const path& data, const segment_info& segment);

}  // namespace fp
