#include "tests/bench/core/block_layout.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace fp::bench {

namespace {

constexpr size_t block_bytes = 512;
constexpr size_t header_bytes = 8;  // u32 smallest hash, u16 number of postings, u16 offset of the ids
constexpr size_t max_block_items = 512;

int length_code(uint32_t v) { return v < 256 ? 0 : v < 65536 ? 1 : v < (1u << 24) ? 2 : 3; }

struct decode_tables {
  uint8_t shuffle[256][16];
  uint8_t length[256];

  decode_tables() {
    for (int control = 0; control < 256; control++) {
      int at = 0;
      for (int i = 0; i < 4; i++) {
        const int bytes = ((control >> (2 * i)) & 3) + 1;
        for (int j = 0; j < 4; j++) shuffle[control][4 * i + j] = static_cast<uint8_t>(j < bytes ? at + j : 0xff);
        at += bytes;
      }
      length[control] = static_cast<uint8_t>(at);
    }
  }
};

const decode_tables tables;

size_t encode(const std::vector<uint32_t>& values, uint8_t* out) {
  const size_t controls = (values.size() + 3) / 4;
  uint8_t* data = out + controls;
  std::memset(out, 0, controls);
  for (size_t i = 0; i < values.size(); i++) {
    const int code = length_code(values[i]);
    out[i / 4] = static_cast<uint8_t>(out[i / 4] | code << (2 * (i % 4)));
    std::memcpy(data, &values[i], static_cast<size_t>(code) + 1);
    data += code + 1;
  }
  return static_cast<size_t>(data - out);
}

void decode_portable(const uint8_t* in, size_t count, uint32_t* out) {
  const uint8_t* data = in + (count + 3) / 4;
  for (size_t i = 0; i < count; i++) {
    const size_t bytes = ((in[i / 4] >> (2 * (i % 4))) & 3u) + 1;
    out[i] = 0;
    std::memcpy(&out[i], data, bytes);
    data += bytes;
  }
}

#if defined(__x86_64__)
__attribute__((target("ssse3"))) void decode_ssse3(const uint8_t* in, size_t count, uint32_t* out) {
  const size_t controls = (count + 3) / 4;
  const uint8_t* data = in + controls;
  for (size_t i = 0; i < controls; i++) {
    const __m128i raw = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data));
    const __m128i shuffle = _mm_loadu_si128(reinterpret_cast<const __m128i*>(tables.shuffle[in[i]]));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 4 * i), _mm_shuffle_epi8(raw, shuffle));
    data += tables.length[in[i]];
  }
}
#endif

void decode(const uint8_t* in, size_t count, uint32_t* out) {
#if defined(__x86_64__)
  static const bool has_ssse3 = __builtin_cpu_supports("ssse3");
  if (has_ssse3) {
    decode_ssse3(in, count, out);
    return;
  }
#endif
  decode_portable(in, count, out);
}

/// Deltas into values, four at a time; `count` is rounded up.
void prefix_sum(uint32_t* values, size_t count, uint32_t base) {
#if defined(__SSE2__)
  __m128i carry = _mm_set1_epi32(static_cast<int>(base));
  for (size_t i = 0; i < count; i += 4) {
    __m128i sum = _mm_loadu_si128(reinterpret_cast<const __m128i*>(values + i));
    sum = _mm_add_epi32(sum, _mm_slli_si128(sum, 4));
    sum = _mm_add_epi32(sum, _mm_slli_si128(sum, 8));
    sum = _mm_add_epi32(sum, carry);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(values + i), sum);
    carry = _mm_shuffle_epi32(sum, 0xff);
  }
#else
  for (size_t i = 0; i < count; i++) values[i] = base += values[i];
#endif
}

template <class T>
T load(const uint8_t* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

}  // namespace

block_layout::block_layout(key_source& postings, uint64_t count) {
  blocks_.reserve(count * 5);  // 4.6 bytes a posting at the most; what is not touched costs nothing
  std::vector<posting> buffer(size_t{64} << 10);
  size_t at = 0, end = postings.read(buffer);
  while (end > 0) {
    at += add_block(std::span(buffer).subspan(at, end - at));
    if (end - at >= max_block_items) continue;
    std::copy(buffer.begin() + static_cast<std::ptrdiff_t>(at), buffer.begin() + static_cast<std::ptrdiff_t>(end),
              buffer.begin());
    end -= at;
    at = 0;
    end += postings.read(std::span(buffer).subspan(end));
  }
  blocks_.resize(blocks_.size() + 64);  // the decoder reads up to 16 bytes past a block
}

size_t block_layout::add_block(std::span<const posting> postings) {
  std::vector<uint32_t> hashes, ids;
  std::array<uint8_t, 8192> coded_hashes, coded_ids;
  uint32_t last_hash = posting_hash(postings.front()), last_id = 0;
  size_t hash_bytes = 0, id_bytes = 0;
  for (const posting p : postings) {
    const uint32_t hash_delta = posting_hash(p) - last_hash;
    const bool first_of_hash = hash_delta != 0 || hashes.empty();
    const uint32_t id = posting_document(p);
    const uint32_t id_value = first_of_hash ? id : id - last_id;
    const size_t h = hash_bytes + static_cast<size_t>(length_code(hash_delta)) + 1;
    const size_t d = id_bytes + static_cast<size_t>(length_code(id_value)) + 1;
    if (header_bytes + 2 * ((hashes.size() + 4) / 4) + h + d > block_bytes) break;
    hash_bytes = h;
    id_bytes = d;
    hashes.push_back(hash_delta);
    ids.push_back(id_value);
    last_hash = posting_hash(p);
    last_id = id;
  }
  const size_t at = blocks_.size();
  blocks_.resize(at + block_bytes);
  uint8_t* block = &blocks_[at];
  const size_t hashes_length = encode(hashes, coded_hashes.data());
  const size_t ids_length = encode(ids, coded_ids.data());
  const auto smallest = posting_hash(postings.front());
  const auto count = static_cast<uint16_t>(hashes.size()), offset = static_cast<uint16_t>(hashes_length);
  std::memcpy(block, &smallest, sizeof smallest);
  std::memcpy(block + 4, &count, sizeof count);
  std::memcpy(block + 6, &offset, sizeof offset);
  std::memcpy(block + header_bytes, coded_hashes.data(), hashes_length);
  std::memcpy(block + header_bytes + hashes_length, coded_ids.data(), ids_length);
  max_hash_.push_back(last_hash);
  return hashes.size();
}

void block_layout::search(const std::vector<hash_value>& query, std::vector<document_id>& hits,
                          size_t max_scanned_blocks) const {
  uint32_t hashes[2 * max_block_items], ids[2 * max_block_items];
  size_t start = 0, decoded = ~size_t{0};
  for (const hash_value wanted : query) {
    size_t b = static_cast<size_t>(
        std::lower_bound(max_hash_.begin() + static_cast<std::ptrdiff_t>(start), max_hash_.end(), wanted) -
        max_hash_.begin());
    start = b;
    for (size_t scanned = 0; b < max_hash_.size() && scanned < max_scanned_blocks; b++, scanned++) {
      const uint8_t* block = &blocks_[b * block_bytes];
      const auto smallest = load<uint32_t>(block);
      const auto count = load<uint16_t>(block + 4), offset = load<uint16_t>(block + 6);
      if (smallest > wanted) break;
      if (decoded != b) {
        decode(block + header_bytes, count, hashes);
        prefix_sum(hashes, count, smallest);
        decoded = b;
      }
      const auto range = std::equal_range(hashes, hashes + count, wanted);
      if (range.first < range.second) {
        decode(block + header_bytes + offset, count, ids);
        uint32_t id = 0;
        for (auto at = range.first - hashes; at < range.second - hashes; at++) {
          id = at == range.first - hashes ? ids[at] : id + ids[at];
          hits.push_back(id);
        }
      }
      if (range.second - hashes < count) break;
    }
  }
}

}  // namespace fp::bench
