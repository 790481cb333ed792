#include "core/base/doc_set.hpp"

#include "core/base/little_endian.hpp"

namespace fp {

namespace {

// Roaring's portable format (github.com/RoaringBitmap/RoaringFormatSpec) without runs: the cookie, the number of
// containers, each one's key and its count less one, each one's offset, and the containers: of up to 4,096 ids
// their lower halves.
constexpr uint32_t cookie_without_runs = 12346;
constexpr size_t max_array = 4096;

}  // namespace

doc_set doc_set_maker::make(std::span<const document_id> ascending) {
  heads_.clear();
  for (size_t first = 0, last; first < ascending.size(); first = last) {
    const document_id key = ascending[first] >> 16;
    for (last = first + 1; last < ascending.size() && ascending[last] >> 16 == key;) last++;
    // Larger containers are bits; adding many ids to few containers is fast.
    if (last - first > max_array) return doc_set(ascending.size(), ascending.data());
    heads_.push_back({static_cast<uint16_t>(key), static_cast<uint16_t>(last - first - 1)});
  }
  constexpr size_t fixed_bytes = 2 * sizeof(uint32_t), bytes_a_head = sizeof(head) + sizeof(uint32_t);
  const size_t ids_at = fixed_bytes + heads_.size() * bytes_a_head;
  const size_t size = ids_at + ascending.size() * sizeof(uint16_t);
  if (bytes_.size() < size) bytes_.resize(size);
  const auto out = std::span(bytes_).first(size);
  put(out, 0, cookie_without_runs);
  put(out, sizeof(uint32_t), static_cast<uint32_t>(heads_.size()));
  size_t head_at = fixed_bytes, offset_at = fixed_bytes + heads_.size() * sizeof(head), offset = ids_at;
  for (const head& h : heads_) {
    put(out, head_at, h);
    put(out, offset_at, static_cast<uint32_t>(offset));
    head_at += sizeof(head);
    offset_at += sizeof(uint32_t);
    offset += (size_t{h.count_less_one} + 1) * sizeof(uint16_t);
  }
  for (size_t i = 0; i < ascending.size(); i++) {
    put(out, ids_at + i * sizeof(uint16_t), static_cast<uint16_t>(ascending[i]));
  }
  return doc_set::readSafe(reinterpret_cast<const char*>(out.data()), out.size());
}

}  // namespace fp
