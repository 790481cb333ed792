#include "core/fpindex/block_encoder.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "core/base/little_endian.hpp"

namespace fp::fpindex {

namespace {

constexpr size_t quad_items = 4;
constexpr size_t max_quads = max_block_items / quad_items;
/// A quad is written before it is known whether it fits, each value as four bytes.
constexpr size_t stream_bytes = block_bytes + 5 * sizeof(uint32_t);

/// What an item adds to the streams.
struct item_deltas {
  uint32_t hash = 0, id = 0;
};

unsigned hash_code(uint32_t delta) noexcept { return (delta > 0) + (delta > 0xff) + (delta > 0xffff); }
unsigned id_code(uint32_t delta) noexcept { return (delta > 0xff) + (delta > 0xffff) + (delta > 0xffffff); }

/// Both streams of a block that is being filled.
class stream_pair {
 public:
  bool has_room(size_t hashes, size_t ids) const noexcept {
    return block_header_bytes + 2 * (quads_ + 1) + hashes + ids <= block_bytes;
  }
  /// Writes a quad behind those that count.
  template <bool Write>
  bool add(const std::array<item_deltas, quad_items>& quad) noexcept {
    std::byte* hash_end = hashes_.data() + num_hash_bytes_;
    std::byte* id_end = ids_.data() + num_id_bytes_;
    unsigned hash_control = 0, id_control = 0;
    size_t added_hash_bytes = 0, added_id_bytes = 0;
    for (unsigned k = 0; k < quad_items; k++) {
      const unsigned hash = hash_code(quad[k].hash), id = id_code(quad[k].id);
      if constexpr (Write) {
        std::memcpy(hash_end + added_hash_bytes, &quad[k].hash, sizeof quad[k].hash);
        std::memcpy(id_end + added_id_bytes, &quad[k].id, sizeof quad[k].id);
        hash_control |= hash << (2 * k);
        id_control |= id << (2 * k);
      }
      added_hash_bytes += hash_bytes[hash];
      added_id_bytes += id_bytes[id];
    }
    if (!has_room(num_hash_bytes_ + added_hash_bytes, num_id_bytes_ + added_id_bytes)) return false;
    if constexpr (Write) {
      hash_controls_[quads_] = static_cast<std::byte>(hash_control);
      id_controls_[quads_] = static_cast<std::byte>(id_control);
    }
    quads_++;
    num_hash_bytes_ += added_hash_bytes;
    num_id_bytes_ += added_id_bytes;
    return true;
  }

  void write(hash_value first, size_t num_items, std::span<std::byte, block_bytes> out) const noexcept {
    put(out, 0, first);
    put(out, 4, static_cast<uint16_t>(num_items));
    put(out, 6, static_cast<uint16_t>(quads_ + num_hash_bytes_));
    std::byte* at = out.data() + block_header_bytes;
    const auto append = [&at](const std::byte* bytes, size_t count) {
      std::memcpy(at, bytes, count);
      at += count;
    };
    append(hash_controls_.data(), quads_);
    append(hashes_.data(), num_hash_bytes_);
    append(id_controls_.data(), quads_);
    append(ids_.data(), num_id_bytes_);
    std::fill(at, out.data() + out.size(), std::byte{0});
  }

 private:
  size_t quads_ = 0, num_hash_bytes_ = 0, num_id_bytes_ = 0;
  // Left as they are: only what was written is read.
  std::array<std::byte, max_quads> hash_controls_, id_controls_;
  std::array<std::byte, stream_bytes> hashes_, ids_;
};

/// Fills the streams and returns the number of items in them.
template <bool Write>
size_t fill(std::span<const posting> items, document_id min_document, stream_pair& streams) noexcept {
  size_t taken = 0;
  if (items.empty()) return 0;
  hash_value hash = posting_hash(items[0]);
  document_id base = min_document;  // of the next id
  std::array<item_deltas, quad_items> quad;
  while (taken < items.size()) {
    const size_t count = std::min(items.size() - taken, quad_items);
    for (size_t k = 0; k < count; k++) {
      const hash_value next_hash = posting_hash(items[taken + k]);
      const document_id id = posting_document(items[taken + k]);
      quad[k].hash = next_hash - hash;
      quad[k].id = id - (next_hash == hash ? base : min_document);
      hash = next_hash;
      base = id;
    }
    for (size_t k = count; k < quad_items; k++) quad[k] = {};
    if (!streams.add<Write>(quad)) break;
    taken += count;
  }
  return taken;
}

}  // namespace

size_t count_block_items(std::span<const posting> items, document_id min_document) noexcept {
  stream_pair streams;
  return fill<false>(items, min_document, streams);
}

size_t encode_block(std::span<const posting> items, document_id min_document,
                    std::span<std::byte, block_bytes> out) noexcept {
  stream_pair streams;
  const size_t taken = fill<true>(items, min_document, streams);
  streams.write(items.empty() ? 0 : posting_hash(items[0]), taken, out);
  return taken;
}

}  // namespace fp::fpindex
