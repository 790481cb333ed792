#include "core/fpindex/segment_reader.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/little_endian.hpp"
#include "core/base/located_error.hpp"
#include "core/fpindex/byte_source.hpp"

namespace fp::fpindex {

namespace {

constexpr size_t max_footer_bytes = 4096;
constexpr size_t max_metadata_string = size_t{16} << 20;
constexpr size_t documents_per_sort = size_t{1} << 18;

std::string shown(const segment_info& info) {
  std::string text = std::to_string(info.commit) + " to " + std::to_string(info.last_commit());
  if (info.version) text += " at version " + std::to_string(*info.version);
  return text;
}

/// Makes sets of ids that come in no order.
class document_collector {
 public:
  void add(document_id id) {
    ids_.push_back(id);
    if (ids_.size() == documents_per_sort) flush();
  }
  const doc_set& finish() {
    flush();
    set_.runOptimize();
    return set_;
  }

 private:
  void flush() {
    std::sort(ids_.begin(), ids_.end());
    ids_.erase(std::unique(ids_.begin(), ids_.end()), ids_.end());
    set_ |= maker_.make(ids_);
    ids_.clear();
  }

  std::vector<document_id> ids_;
  doc_set_maker maker_;
  doc_set set_;
};

}  // namespace

segment_reader::segment_reader(std::string name, const readable_file& file, const segment_info* expected)
    : name_(std::move(name)), file_(file) {
  const uint64_t file_bytes = file.size();
  read_head(file_bytes, expected);
  read_footer(file_bytes);
}

void segment_reader::fail_at(uint64_t offset, const std::string& what) const {
  throw located_error(errc::corrupt_data, name_ + ": offset " + std::to_string(offset) + ": " + what, offset);
}

void segment_reader::read_head(uint64_t file_bytes, const segment_info* expected) {
  file_source source(file_, 0, file_bytes);
  message_pack_reader in(name_, source);
  // Five fields in any order. Their keys are numbers, unlike those of fpindex's other maps.
  const uint32_t fields = in.map_header();
  if (fields != 5) in.fail_at(0, "the header has " + std::to_string(fields) + " fields, expected 5");
  bool has_metadata = false, has_documents = false;
  unsigned seen = 0;
  for (uint32_t i = 0; i < fields; i++) {
    const uint64_t at = in.offset();
    const uint64_t key = in.number(4);
    seen |= 1u << key;
    if (key == 0 && in.number() != segment_magic) in.fail_at(at, "no segment of fpindex: the magic is another");
    if (key == 1) info_ = read_segment_info(in);
    if (key == 2) has_metadata = in.boolean();
    if (key == 3) has_documents = in.boolean();
    if (key == 4) layout_.block_size = in.number32();
  }
  if (seen != 0x1f) in.fail_at(0, "the header lacks a field");
  if (layout_.block_size < min_block_size || layout_.block_size > max_block_size) {
    in.fail_at(0, "a block size of " + std::to_string(layout_.block_size));
  }
  if (expected != nullptr && *expected != info_) {
    in.fail_at(0, "holds commits " + shown(info_) + ", but the manifest says " + shown(*expected));
  }
  if (has_metadata) {
    for (uint32_t left = in.map_header(); left > 0; left--) {
      const uint64_t at = in.offset();
      auto key = in.string(max_metadata_string);
      auto value = in.string(max_metadata_string);
      if (!metadata_.emplace(std::move(key), std::move(value)).second) in.fail_at(at, "a metadata key comes twice");
    }
  }
  if (has_documents) read_documents(in);
  const uint64_t end = in.offset(), size = layout_.block_size;
  layout_.blocks_offset = (end + size - 1) / size * size;
  if (layout_.blocks_offset > file_bytes) fail_at(file_bytes, "ends before the blocks begin");
  require_zeros(end, layout_.blocks_offset);
}

void segment_reader::read_documents(message_pack_reader& in) {
  const uint64_t begin = in.offset();
  const uint32_t count = in.map_header();
  document_collector all, deleted;
  for (uint32_t i = 0; i < count; i++) {
    const uint64_t at = in.offset();
    const document_id id = in.number32();
    if (id == 0) in.fail_at(at, "document id 0");
    all.add(id);
    if (!in.boolean()) deleted.add(id);
  }
  documents_ = all.finish();
  tombstones_ = deleted.finish();
  if (documents_.cardinality() != count) in.fail_at(begin, "a document comes twice");
}

void segment_reader::require_zeros(uint64_t begin, uint64_t end) const {
  std::vector<std::byte> bytes(end - begin);
  if (file_.read_at(begin, bytes) != bytes.size()) fail_at(begin, "ends early");
  const auto found = std::find_if(bytes.begin(), bytes.end(), [](std::byte b) { return b != std::byte{0}; });
  if (found != bytes.end()) {
    fail_at(begin + static_cast<uint64_t>(found - bytes.begin()), "not zero, where there is padding");
  }
}

void segment_reader::read_footer(uint64_t file_bytes) {
  std::array<std::byte, 4> length_bytes{};
  if (file_bytes < layout_.blocks_offset + length_bytes.size() ||
      file_.read_at(file_bytes - length_bytes.size(), length_bytes) != length_bytes.size()) {
    fail_at(file_bytes, "ends without a footer");
  }
  const uint64_t length = get<uint32_t>(length_bytes, 0), end = file_bytes - length_bytes.size();
  if (length > max_footer_bytes || length > end - layout_.blocks_offset) {
    fail_at(end, "a footer of " + std::to_string(length) + " bytes");
  }
  const uint64_t footer = end - length;
  file_source source(file_, footer, end);
  message_pack_reader in(name_, source, footer, max_footer_bytes);
  const uint32_t fields = in.map_header();
  if (fields != 4) in.fail_at(footer, "the footer has " + std::to_string(fields) + " fields, expected 4");
  unsigned seen = 0;
  for (uint32_t i = 0; i < fields; i++) {
    const uint64_t at = in.offset();
    const uint64_t key = in.number(3);
    seen |= 1u << key;
    if (key == 0 && in.number() != footer_magic) in.fail_at(at, "no footer of fpindex: the magic is another");
    if (key == 1) layout_.num_items = in.number32();
    if (key == 2) layout_.num_blocks = in.number32();
    if (key == 3) layout_.checksum = in.number();
  }
  if (seen != 0xf) in.fail_at(footer, "the footer lacks a field");
  if (!in.at_end()) in.fail_at(in.offset(), "bytes behind the footer");
  layout_.index_offset = layout_.blocks_offset + (layout_.num_blocks + 1) * layout_.block_size;
  if (layout_.index_offset + 4 * layout_.num_blocks != footer) {
    fail_at(footer, "the footer's " + std::to_string(layout_.num_blocks) + " blocks of " +
                        std::to_string(layout_.block_size) + " bytes are not those of the file");
  }
}

}  // namespace fp::fpindex
