#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/cancel.hpp"
#include "core/base/doc_set.hpp"
#include "core/base/types.hpp"
#include "core/fpindex/segment_info.hpp"
#include "core/fs/file_system.hpp"

/// A segment file of fpindex ("SGM1"), as its servers of 2026 write it. Little-endian outside MessagePack:
///
///     header       map {0: 0x53474d31, 1: SegmentInfo, 2: has metadata, 3: has documents, 4: block size}
///     metadata     map of strings, if there is any
///     documents    map id -> bool, false for a tombstone, in no order, if there are any
///     zeros up to a multiple of the block size
///     blocks       of the block size each, items in (hash, id) order; then one block of zeros
///     block index  u32 for each block: its largest hash
///     footer       map {0: 0x314d4753, 1: number of items, 2: number of blocks, 3: CRC-64/XZ of all blocks}
///     u32          the footer's length
///
/// A block: u32 first hash, u16 number of items, u16 where the ids begin; at 8 the hashes, at 8 + that the ids, the
/// rest zero. Both are StreamVByte (Lemire, Kurz, Rupp: "Stream VByte: Faster Byte-Oriented Integer Compression",
/// 2018): a control byte for four values, all of them first, then their bytes. Hashes are deltas (codes for 0, 1, 2
/// and 4 bytes), beginning with the first hash. Ids (1 to 4 bytes) are deltas to the id before, or, for the first
/// of a block and of each hash, to the smallest id of the documents.
namespace fp::fpindex {

inline constexpr uint32_t segment_magic = 0x53474d31, footer_magic = 0x314d4753;
inline constexpr uint32_t min_block_size = 64, max_block_size = 4096, written_block_size = 512;
inline constexpr size_t block_header_bytes = 8;

/// Where the parts of a segment file lie, all of them checked against each other and the file's size.
struct segment_layout {
  uint32_t block_size = 0;
  uint64_t blocks_offset = 0;  ///< in the file, as the next
  uint64_t index_offset = 0;
  uint64_t num_items = 0, num_blocks = 0, checksum = 0;
};

/// Reads a segment file, and checks all that there is to check: checksum and structure of the blocks, their index,
/// the footer, the padding. Throws `corrupt_data` (file, offset, reason) or `io_error`. What fpindex puts under no
/// checksum, metadata and documents, is only held to its syntax here.
class segment_reader {
 public:
  /// Of an open file that messages call `name`; it must outlive the reader. `expected`: what the manifest says.
  segment_reader(std::string name, const readable_file& file, const segment_info* expected = nullptr);

  const std::string& name() const noexcept { return name_; }
  const segment_info& info() const noexcept { return info_; }
  const metadata_map& metadata() const noexcept { return metadata_; }
  /// All documents that the segment speaks for, and which of those it deletes.
  const doc_set& documents() const noexcept { return documents_; }
  const doc_set& tombstones() const noexcept { return tombstones_; }
  /// Of the deltas of ids; 0 without documents.
  document_id min_document() const noexcept { return documents_.isEmpty() ? 0 : documents_.minimum(); }
  const segment_layout& layout() const noexcept { return layout_; }
  const readable_file& file() const noexcept { return file_; }

  /// Throws `corrupt_data` at an offset of the file.
  [[noreturn]] void fail_at(uint64_t offset, const std::string& what) const;

 private:
  void read_head(uint64_t file_bytes, const segment_info* expected);
  void read_documents(message_pack_reader& in);
  void read_footer(uint64_t file_bytes);
  void require_zeros(uint64_t begin, uint64_t end) const;

  std::string name_;
  const readable_file& file_;
  segment_info info_;
  metadata_map metadata_;
  doc_set documents_, tombstones_;
  segment_layout layout_;
};

/// The items of a segment in (hash, id) order, repeated ones included. Memory is constant.
class item_reader {
 public:
  /// `verify`: the checksum, too. The reader must outlive it.
  explicit item_reader(const segment_reader& from, bool verify = true, const cancel_flag* cancel = nullptr);

  /// The next items, or none at the end; valid until the next call. Throws `corrupt_data` with the offset of the
  /// block, at the end for all of them, `io_error` or `cancelled`.
  std::span<const posting> next();
  /// Bytes of blocks that `next` has read.
  uint64_t num_bytes() const noexcept { return block_ * layout_.block_size; }

 private:
  void read_blocks();
  void decode(std::span<const std::byte> block);
  void finish();

  const segment_reader& from_;
  const segment_layout layout_;
  const bool verify_;
  const cancel_flag* cancel_;
  uint64_t block_ = 0;  ///< number of the next one
  std::vector<std::byte> blocks_, index_;
  std::vector<posting> items_;
  uint64_t num_items_ = 0, checksum_ = 0;
  posting last_ = 0;
  bool ended_ = false;
};

}  // namespace fp::fpindex
