#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "core/base/types.hpp"
#include "core/fpindex/crc64_xz.hpp"
#include "core/fpindex/message_pack.hpp"
#include "core/fpindex/segment_info.hpp"

namespace fp::test {

/// What a segment of fpindex holds, for tests: documents with their hashes as they came, repeated ones included.
struct sample_segment {
  fpindex::segment_info info;
  metadata_map metadata;
  std::map<document_id, std::vector<hash_value>> documents;
  std::vector<document_id> tombstones;
  uint32_t block_size = 512;
};

/// The bytes of its file, after the words of the format alone.
inline std::vector<std::byte> sample_file(const sample_segment& s) {
  std::vector<std::byte> out;
  fpindex::message_pack_writer pack(out);
  const auto pad = [&](size_t to) { out.resize((out.size() + to - 1) / to * to); };
  const auto put = [&](auto value) {
    const auto bytes = std::as_bytes(std::span(&value, 1));
    out.insert(out.end(), bytes.begin(), bytes.end());
  };
  pack.map_header(5);
  pack.number(0);
  pack.number(0x53474d31);
  pack.number(1);
  fpindex::write(s.info, pack);
  pack.number(2);
  pack.boolean(true);
  pack.number(3);
  pack.boolean(true);
  pack.number(4);
  pack.number(s.block_size);
  pack.map_header(static_cast<uint32_t>(s.metadata.size()));
  for (const auto& [key, value] : s.metadata) {
    pack.string(key);
    pack.string(value);
  }
  pack.map_header(static_cast<uint32_t>(s.documents.size() + s.tombstones.size()));
  uint32_t base = UINT32_MAX;
  std::vector<posting> items;
  for (const auto& [id, hashes] : s.documents) {
    pack.number(id);
    pack.boolean(true);
    base = std::min(base, id);
    for (const auto hash : hashes) items.push_back(make_posting(hash, id));
  }
  for (const auto id : s.tombstones) {
    pack.number(id);
    pack.boolean(false);
    base = std::min(base, id);
  }
  pad(s.block_size);
  std::sort(items.begin(), items.end());

  const size_t blocks_at = out.size();
  std::vector<uint32_t> largest;
  for (size_t next = 0; next < items.size();) {
    struct stream {
      std::vector<uint8_t> control, data;
      size_t count = 0;
      void put(uint32_t value, const std::array<int, 4>& widths) {
        int code = 0;
        while (widths[code] < 4 && value >> (8 * widths[code]) != 0) code++;
        if (count % 4 == 0) control.push_back(0);
        control.back() = static_cast<uint8_t>(control.back() | code << (2 * (count % 4)));
        for (int i = 0; i < widths[code]; i++) data.push_back(static_cast<uint8_t>(value >> (8 * i)));
        count++;
      }
      size_t size() const { return control.size() + data.size(); }
    } hashes, ids;
    const uint32_t min_hash = posting_hash(items[next]);
    uint32_t hash = min_hash, id = 0;
    uint16_t count = 0;
    while (next < items.size()) {
      // Quad by quad; one of fewer items is filled up with zeros.
      auto h = hashes, i = ids;
      auto hash_now = hash, id_now = id;
      size_t taken = 0;
      for (size_t j = 0; j < 4; j++) {
        const bool real = next + j < items.size();
        const uint32_t to_hash = real ? posting_hash(items[next + j]) : hash_now;
        const uint32_t to_id = real ? posting_document(items[next + j]) : id_now;
        const bool anew = count + j == 0 || to_hash != hash_now;
        h.put(to_hash - hash_now, {0, 1, 2, 4});
        i.put(real ? to_id - (anew ? base : id_now) : 0, {1, 2, 3, 4});
        hash_now = to_hash;
        id_now = to_id;
        taken += real;
      }
      if (8 + h.size() + i.size() > s.block_size) break;
      hashes = h;
      ids = i;
      hash = hash_now;
      id = id_now;
      count = static_cast<uint16_t>(count + taken);
      next += taken;
    }
    largest.push_back(hash);
    put(min_hash);
    put(count);
    put(static_cast<uint16_t>(hashes.size()));
    for (const auto* part : {&hashes.control, &hashes.data, &ids.control, &ids.data}) {
      for (const uint8_t byte : *part) put(byte);
    }
    pad(s.block_size);
  }
  const auto checksum = fpindex::crc64_xz(std::span(out).subspan(blocks_at));
  out.resize(out.size() + s.block_size);
  for (const auto hash : largest) put(hash);
  const size_t footer_at = out.size();
  pack.map_header(4);
  pack.number(0);
  pack.number(0x314d4753);
  pack.number(1);
  pack.number(items.size());
  pack.number(2);
  pack.number(largest.size());
  pack.number(3);
  pack.number(checksum);
  put(static_cast<uint32_t>(out.size() - footer_at));
  return out;
}

}  // namespace fp::test
