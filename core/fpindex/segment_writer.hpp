#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/fpindex/block_encoder.hpp"
#include "core/fpindex/segment_info.hpp"
#include "core/index/index_metadata.hpp"
#include "core/merge/posting_source.hpp"
#include "core/segment/read_ahead.hpp"
#include "core/segment/segment.hpp"
#include "core/segment/segment_stream_checker.hpp"

namespace fp::fpindex {

/// What has to be known of a segment before its first byte can be told.
struct segment_plan {
  segment_info info;
  uint32_t num_metadata = 0;  ///< entries that are written
  uint64_t head_bytes = 0;    ///< up to the first block
  uint64_t num_items = 0;
  uint64_t num_blocks = 0;  ///< without the one of zeros

  uint64_t num_bytes() const;
};

/// Postings of a segment with a view of those that come next.
class posting_window {
 public:
  explicit posting_window(const segment& of);

  /// All that are left, or enough for a block.
  std::span<const posting> ahead();
  void consume(size_t count) noexcept { begin_ += count; }

 private:
  std::unique_ptr<key_source> source_;
  std::vector<posting> buffer_;
  size_t begin_ = 0, end_ = 0;
  bool at_end_ = false;
};

/// Finds out how large a segment will be, as fpindex's files say it before they are sent: by packing its blocks
/// without writing them.
class segment_sizer {
 public:
  /// Of metadata, entries are left out that `index` does not have any more: fpindex has no word for a removal. Both
  /// must outlive the sizer.
  segment_sizer(const segment& of, const index_metadata& index, const segment_info& info);

  /// Works for some milliseconds. Returns the plan when it is done, nothing before.
  std::optional<segment_plan> advance();

 private:
  void count_metadata(const index_metadata& index);
  bool advance_documents();
  bool advance_blocks();

  const segment& of_;
  segment_plan plan_;
  uint64_t next_document_ = 0;
  read_ahead documents_ahead_;
  posting_window postings_;
};

/// Writes a segment as a file of fpindex (see `segment_format.hpp`), chunk by chunk, with memory of one to two
/// bytes for each block.
class segment_writer {
 public:
  /// `name` begins error messages. Segment and metadata must outlive the writer, the plan be theirs.
  segment_writer(std::string name, const segment& of, const index_metadata& index, const segment_plan& plan,
                 size_t max_chunk_bytes);

  /// The next bytes, `max_chunk_bytes` at most, valid until the next call. None at the end, and while the segment
  /// is verified, behind the last block: only one that was whole while it was read gets a footer. Throws
  /// `corrupt_data`, with section and offset.
  std::span<const std::byte> next();
  bool at_end() const noexcept { return step_ == step::end && given_ == chunk_.size(); }

 private:
  enum class step { head, metadata, documents, blocks, verify, index, footer, end };

  void make_chunk();
  void write_head();
  void write_metadata();
  void write_documents();
  void write_blocks();
  void verify();
  void write_index();
  void write_footer();
  bool is_full() const noexcept { return chunk_.size() >= max_chunk_bytes_; }
  /// Whether nothing but zeros is missing up to the first block.
  bool is_head_as_planned() const noexcept {
    return num_head_ <= plan_.head_bytes && plan_.head_bytes - num_head_ < block_bytes;
  }

  std::string name_;
  const segment& of_;
  const index_metadata& index_;
  segment_plan plan_;
  size_t max_chunk_bytes_;
  step step_ = step::head;
  std::vector<std::byte> chunk_;
  size_t given_ = 0;       ///< of the chunk
  uint64_t num_head_ = 0;  ///< bytes before the first block so far

  metadata_list::iterator next_metadata_;
  uint64_t next_document_ = 0;
  read_ahead documents_ahead_;
  posting_window postings_;
  uint64_t num_items_ = 0, num_blocks_ = 0, checksum_ = 0;
  // The largest hash of each block: differences, 7 bits a byte, the last one of each with its highest bit clear.
  std::vector<std::byte> largest_hashes_;
  hash_value last_largest_ = 0;
  std::optional<segment_stream_checker> checker_;
  std::optional<read_ahead> bytes_ahead_;
  std::span<const std::byte> unverified_;
  size_t next_largest_ = 0;
};

}  // namespace fp::fpindex
