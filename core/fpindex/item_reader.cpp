#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "core/base/error.hpp"
#include "core/base/little_endian.hpp"
#include "core/fpindex/crc64_xz.hpp"
#include "core/fpindex/segment_reader.hpp"

namespace fp::fpindex {

namespace {

constexpr size_t bytes_per_read = size_t{128} << 10;
// Values are loaded as words: bytes behind the last block that may be read.
constexpr size_t slack = 8;

constexpr std::array<uint32_t, 5> value_mask{0, 0xff, 0xffff, 0xffffff, 0xffffffff};

/// Bytes of four values by their control byte.
constexpr auto quad_bytes_of(const std::array<uint8_t, 4>& widths) {
  std::array<uint8_t, 256> out{};
  for (size_t control = 0; control < out.size(); control++) {
    for (size_t j = 0; j < 4; j++)
      out[control] = static_cast<uint8_t>(out[control] + widths[control >> (2 * j) & 3]);
  }
  return out;
}

constexpr auto hash_quad_bytes = quad_bytes_of(hash_bytes), id_quad_bytes = quad_bytes_of(id_bytes);

/// One stream of a block: its control bytes, then those of the values.
struct value_stream {
  const std::byte* control;
  const std::byte* data;

  /// Whether it ends at or before `end`.
  static bool fits(const std::byte* begin, const std::byte* end, size_t count,
                   const std::array<uint8_t, 256>& quad_bytes) {
    const size_t quads = (count + 3) / 4;
    if (static_cast<size_t>(end - begin) < quads) return false;
    size_t bytes = quads;
    for (size_t i = 0; i < quads; i++) bytes += quad_bytes[std::to_integer<uint8_t>(begin[i])];
    return bytes <= static_cast<size_t>(end - begin);
  }

  uint32_t next(size_t i, const std::array<uint8_t, 4>& widths) {
    const unsigned code = std::to_integer<unsigned>(control[i / 4]) >> (2 * (i % 4)) & 3;
    uint32_t word;
    std::memcpy(&word, data, sizeof word);
    data += widths[code];
    return word & value_mask[widths[code]];
  }
};

}  // namespace

item_reader::item_reader(const segment_reader& from, bool verify, const cancel_flag* cancel)
    : from_(from), layout_(from.layout()), verify_(verify), cancel_(cancel) {}

std::span<const posting> item_reader::next() {
  items_.clear();
  if (ended_) return {};
  if (block_ == layout_.num_blocks) {
    finish();
    return {};
  }
  read_blocks();
  return items_;
}

void item_reader::read_blocks() {
  if (is_cancelled(cancel_)) throw error(errc::cancelled, from_.name() + ": cancelled");
  const size_t size = layout_.block_size;
  const auto count = static_cast<size_t>(std::min<uint64_t>(bytes_per_read / size, layout_.num_blocks - block_));
  blocks_.resize(count * size + slack);
  index_.resize(count * sizeof(uint32_t));
  const auto bytes = std::span(blocks_).first(count * size);
  const uint64_t at = layout_.blocks_offset + block_ * size;
  if (from_.file().read_at(at, bytes) != bytes.size() ||
      from_.file().read_at(layout_.index_offset + block_ * sizeof(uint32_t), index_) != index_.size()) {
    from_.fail_at(at, "the file has been cut meanwhile");
  }
  if (verify_) checksum_ = crc64_xz(bytes, checksum_);
  for (size_t i = 0; i < count; i++) {
    decode(bytes.subspan(i * size, size));
    if (const auto largest = get<uint32_t>(index_, i * sizeof(uint32_t)); largest != posting_hash(last_)) {
      from_.fail_at(layout_.index_offset + block_ * sizeof(uint32_t),
                    "the index says that the largest hash of block " + std::to_string(block_) + " is " +
                        std::to_string(largest) + ", it is " + std::to_string(posting_hash(last_)));
    }
    block_++;
  }
}

void item_reader::decode(std::span<const std::byte> block) {
  const auto fail = [&](const char* what) {
    from_.fail_at(layout_.blocks_offset + block_ * layout_.block_size, what);
  };
  const auto min_hash = get<uint32_t>(block, 0);
  const size_t count = get<uint16_t>(block, 4), ids_offset = get<uint16_t>(block, 6);
  if (count == 0) fail("a block without items");
  const auto* const begin = block.data() + block_header_bytes;
  const auto* const end = block.data() + block.size();
  if (ids_offset > block.size() - block_header_bytes) fail("a block's ids begin behind it");
  const size_t quads = (count + 3) / 4;
  if (!value_stream::fits(begin, begin + ids_offset, count, hash_quad_bytes) ||
      !value_stream::fits(begin + ids_offset, end, count, id_quad_bytes)) {
    fail("a block's items end behind it");
  }
  value_stream hashes{begin, begin + quads}, ids{begin + ids_offset, begin + ids_offset + quads};
  const size_t first = items_.size();
  items_.resize(first + count);
  posting* const out = items_.data() + first;
  uint64_t hash = min_hash, id = 0;
  const document_id base = from_.min_document();
  bool is_sound = true;
  posting last = last_;
  for (size_t i = 0; i < count; i++) {
    const uint32_t hash_delta = hashes.next(i, hash_bytes), id_delta = ids.next(i, id_bytes);
    hash += hash_delta;
    id = id_delta + (i == 0 || hash_delta != 0 ? base : id);
    is_sound &= hash <= UINT32_MAX && id <= UINT32_MAX;
    const posting item = hash << 32 | (id & UINT32_MAX);
    is_sound &= item >= last;
    out[i] = last = item;
  }
  if (posting_hash(out[0]) != min_hash) fail("a block's first hash is not what its head says");
  if (!is_sound) fail("items that are not in order, or of impossible hashes or ids");
  last_ = last;
  num_items_ += count;
}

void item_reader::finish() {
  ended_ = true;
  if (num_items_ != layout_.num_items) {
    from_.fail_at(layout_.index_offset, "holds " + std::to_string(num_items_) + " items, but the footer says " +
                                            std::to_string(layout_.num_items));
  }
  if (!verify_) return;
  const uint64_t end = layout_.blocks_offset + layout_.num_blocks * layout_.block_size;
  if (checksum_ != layout_.checksum) {
    from_.fail_at(layout_.blocks_offset, "the checksum of the blocks (up to offset " + std::to_string(end) +
                                             ") is another than the footer's");
  }
  std::vector<std::byte> terminator(layout_.block_size);
  if (from_.file().read_at(end, terminator) != terminator.size() ||
      std::any_of(terminator.begin(), terminator.end(), [](std::byte b) { return b != std::byte{0}; })) {
    from_.fail_at(end, "the block behind the last one is not zero");
  }
}

}  // namespace fp::fpindex
