#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/cancel.hpp"
#include "core/base/doc_set.hpp"
#include "core/base/types.hpp"
#include "core/fpindex/segment_format.hpp"
#include "core/fpindex/segment_info.hpp"
#include "core/fs/file_system.hpp"

namespace fp::fpindex {

/// Where the parts of a segment file lie, all of them checked against each other and the file's size.
struct segment_layout {
  uint32_t block_size = 0;
  uint64_t blocks_offset = 0;  ///< in the file, as the next
  uint64_t index_offset = 0;
  uint64_t num_items = 0, num_blocks = 0, checksum = 0;
};

/// Reads a segment file (see `segment_format.hpp`), and checks all that there is to check: checksum and structure
/// of the blocks, their index, the footer, the padding. Throws `corrupt_data` (file, offset, reason) or `io_error`.
/// What fpindex puts under no checksum, metadata and documents, is only held to its syntax here.
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
