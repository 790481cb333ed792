#pragma once

#include <gtest/gtest.h>
#include <algorithm>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace fp::test {

/// A snapshot stream of fpindex, and a segment file in it, read as plainly as the format is written down, without
/// anything of ours: what is wrong fails the test.
class plain_bytes {
 public:
  explicit plain_bytes(std::span<const std::byte> bytes) : bytes_(bytes) {}

  size_t at = 0;
  bool at_end() const { return at == bytes_.size(); }
  size_t size() const { return bytes_.size(); }
  std::span<const std::byte> take(size_t count) {
    if (count > bytes_.size() - at) throw std::runtime_error("the bytes end at " + std::to_string(bytes_.size()));
    at += count;
    return bytes_.subspan(at - count, count);
  }
  uint64_t little_endian(size_t count) {
    uint64_t value = 0;
    const auto bytes = take(count);
    for (size_t i = count; i-- > 0;) value = value << 8 | std::to_integer<uint64_t>(bytes[i]);
    return value;
  }
  uint64_t big_endian(size_t count) {
    uint64_t value = 0;
    for (const std::byte b : take(count)) value = value << 8 | std::to_integer<uint64_t>(b);
    return value;
  }

  // MessagePack.
  uint64_t number() {
    const auto tag = big_endian(1);
    if (tag < 0x80) return tag;
    if (tag < 0xcc || tag > 0xcf) throw std::runtime_error("no number at " + std::to_string(at - 1));
    return big_endian(size_t{1} << (tag - 0xcc));
  }
  std::optional<uint64_t> number_or_nil() {
    if (std::to_integer<int>(bytes_[at]) != 0xc0) return number();
    at++;
    return std::nullopt;
  }
  bool boolean() {
    const auto tag = big_endian(1);
    if (tag != 0xc2 && tag != 0xc3) throw std::runtime_error("no boolean at " + std::to_string(at - 1));
    return tag == 0xc3;
  }
  size_t collection(uint64_t fix, uint64_t max_fix, uint64_t tag16) {
    const auto tag = big_endian(1);
    if (tag >= fix && tag <= fix + max_fix) return tag - fix;
    if (tag == tag16) return big_endian(2);
    if (tag == tag16 + 1) return big_endian(4);
    throw std::runtime_error("no collection at " + std::to_string(at - 1));
  }
  size_t map() { return collection(0x80, 15, 0xde); }
  size_t array() { return collection(0x90, 15, 0xdc); }
  std::string string() {
    const auto tag = big_endian(1);
    size_t count = 0;
    if (tag >= 0xa0 && tag <= 0xbf) {
      count = tag - 0xa0;
    } else if (tag >= 0xd9 && tag <= 0xdb) {
      count = big_endian(size_t{1} << (tag - 0xd9));
    } else {
      throw std::runtime_error("no string at " + std::to_string(at - 1));
    }
    const auto bytes = take(count);
    return {reinterpret_cast<const char*>(bytes.data()), count};
  }

 private:
  std::span<const std::byte> bytes_;
};

struct plain_segment {
  uint64_t commit = 0, merges = 0;
  std::optional<uint64_t> version;
  std::map<std::string, std::string> metadata;
  std::map<uint32_t, bool> documents;
  std::vector<std::pair<uint32_t, uint32_t>> items;
  std::vector<std::vector<std::byte>> blocks;
  uint64_t checksum = 0;

  uint64_t last() const { return version.value_or(commit + merges); }

  void read_info(plain_bytes& in) {
    EXPECT_EQ(in.array(), 3u);
    commit = in.number();
    merges = in.number();
    version = in.number_or_nil();
  }
};

inline std::vector<uint32_t> plain_stream(plain_bytes& in, size_t count, const std::vector<size_t>& sizes) {
  std::vector<uint64_t> controls;
  for (size_t i = 0; i < (count + 3) / 4; i++) controls.push_back(in.little_endian(1));
  std::vector<uint32_t> values;
  for (size_t j = 0; j < count; j++) {
    const size_t code = controls[j / 4] >> (2 * (j % 4)) & 3;
    values.push_back(sizes[code] == 0 ? 0 : static_cast<uint32_t>(in.little_endian(sizes[code])));
  }
  return values;
}

inline void read_plain_block(plain_segment& s, std::span<const std::byte> bytes, uint32_t min_document) {
  plain_bytes header(bytes);
  auto hash = static_cast<uint32_t>(header.little_endian(4));
  const size_t count = header.little_endian(2), ids_at = header.little_endian(2);
  plain_bytes hash_bytes(bytes.subspan(8, ids_at)), id_bytes(bytes.subspan(8 + ids_at));
  const auto hashes = plain_stream(hash_bytes, count, {0, 1, 2, 4});
  const auto ids = plain_stream(id_bytes, count, {1, 2, 3, 4});
  EXPECT_TRUE(hash_bytes.at_end());
  EXPECT_EQ(hashes[0], 0u);
  uint32_t id = 0;
  for (size_t i = 0; i < count; i++) {
    hash += hashes[i];
    id = ids[i] + (i == 0 || hashes[i] > 0 ? min_document : id);
    s.items.emplace_back(hash, id);
  }
  // The rest of the last quad, and of the block.
  if (count % 4 > 0) id_bytes.take(4 - count % 4);
  while (!id_bytes.at_end()) EXPECT_EQ(id_bytes.little_endian(1), 0u);
}

/// The bits one after the other.
inline uint64_t plain_crc64(const std::vector<std::vector<std::byte>>& blocks) {
  uint64_t crc = ~uint64_t{0};
  for (const auto& block : blocks) {
    for (const std::byte b : block) {
      crc ^= std::to_integer<uint64_t>(b);
      for (int i = 0; i < 8; i++) crc = crc >> 1 ^ (crc & 1 ? 0xc96c5795d7870f42 : 0);
    }
  }
  return ~crc;
}

inline plain_segment read_plain_segment(std::span<const std::byte> bytes) {
  plain_segment s;
  plain_bytes in(bytes);
  EXPECT_EQ(in.map(), 5u);
  EXPECT_EQ(in.number(), 0u);
  EXPECT_EQ(in.number(), 0x53474d31u);
  EXPECT_EQ(in.number(), 1u);
  s.read_info(in);
  EXPECT_EQ(in.number(), 2u);
  EXPECT_TRUE(in.boolean());
  EXPECT_EQ(in.number(), 3u);
  EXPECT_TRUE(in.boolean());
  EXPECT_EQ(in.number(), 4u);
  const size_t block_size = in.number();
  EXPECT_EQ(block_size, 512u);
  for (size_t left = in.map(); left > 0; left--) {
    const auto key = in.string();
    EXPECT_TRUE(s.metadata.emplace(key, in.string()).second);
  }
  for (size_t left = in.map(); left > 0; left--) {
    const auto id = static_cast<uint32_t>(in.number());
    EXPECT_TRUE(s.documents.emplace(id, in.boolean()).second);
  }
  const uint32_t min_document = s.documents.empty() ? 0 : s.documents.begin()->first;
  while (in.at % block_size != 0) EXPECT_EQ(in.little_endian(1), 0u);
  std::vector<uint32_t> largest;
  for (;;) {
    const auto block = in.take(block_size);
    if (plain_bytes(block.subspan(4)).little_endian(2) == 0) {
      for (const std::byte b : block) EXPECT_EQ(b, std::byte{0});
      break;
    }
    read_plain_block(s, block, min_document);
    s.blocks.emplace_back(block.begin(), block.end());
    largest.push_back(s.items.back().first);
  }
  for (const uint32_t hash : largest) EXPECT_EQ(in.little_endian(4), hash);
  const size_t footer = in.at;
  EXPECT_EQ(in.map(), 4u);
  EXPECT_EQ(in.number(), 0u);
  EXPECT_EQ(in.number(), 0x314d4753u);
  EXPECT_EQ(in.number(), 1u);
  EXPECT_EQ(in.number(), s.items.size());
  EXPECT_EQ(in.number(), 2u);
  EXPECT_EQ(in.number(), s.blocks.size());
  EXPECT_EQ(in.number(), 3u);
  s.checksum = in.number();
  EXPECT_EQ(s.checksum, plain_crc64(s.blocks));
  const size_t length = in.at - footer;
  EXPECT_EQ(in.little_endian(4), length);
  EXPECT_TRUE(in.at_end());
  return s;
}

struct plain_snapshot {
  uint64_t generation = 0;
  std::vector<plain_segment> segments;

  uint64_t version() const {
    uint64_t version = 0;
    for (const auto& s : segments) version = std::max(version, s.last());
    return version;
  }
  /// The newest segment that mentions a document decides.
  std::map<uint32_t, std::vector<uint32_t>> live_documents() const {
    std::map<uint32_t, size_t> newest;
    for (size_t i = 0; i < segments.size(); i++) {
      for (const auto& [id, lives] : segments[i].documents) newest[id] = i;
    }
    std::map<uint32_t, std::vector<uint32_t>> live;
    for (const auto& [id, i] : newest) {
      if (segments[i].documents.at(id)) live[id];
    }
    for (size_t i = 0; i < segments.size(); i++) {
      for (const auto& [hash, id] : segments[i].items) {
        if (newest.at(id) == i && live.contains(id)) live[id].push_back(hash);
      }
    }
    return live;
  }
  std::map<std::string, std::string> metadata() const {
    std::map<std::string, std::string> all;
    for (const auto& s : segments) {
      for (const auto& [key, value] : s.metadata) all[key] = value;
    }
    return all;
  }
};

inline plain_snapshot read_plain_snapshot(std::span<const std::byte> stream) {
  plain_snapshot out;
  plain_bytes in(stream);
  EXPECT_EQ(in.map(), 3u);
  EXPECT_EQ(in.string(), "f");
  EXPECT_EQ(in.number(), 1u);
  EXPECT_EQ(in.string(), "g");
  out.generation = in.number();
  EXPECT_EQ(in.string(), "s");
  std::vector<std::pair<plain_segment, size_t>> listed(in.array());
  for (auto& [segment, size] : listed) {
    EXPECT_EQ(in.map(), 2u);
    EXPECT_EQ(in.string(), "i");
    segment.read_info(in);
    EXPECT_EQ(in.string(), "s");
    size = in.number();
  }
  for (const auto& [named, size] : listed) {
    out.segments.push_back(read_plain_segment(in.take(size)));
    const plain_segment& s = out.segments.back();
    EXPECT_EQ(s.commit, named.commit);
    EXPECT_EQ(s.merges, named.merges);
    EXPECT_EQ(s.version, named.version);
    if (out.segments.size() == 1) continue;
    const plain_segment& older = out.segments[out.segments.size() - 2];
    EXPECT_EQ(s.commit, older.commit + older.merges + 1);
  }
  EXPECT_TRUE(in.at_end());
  return out;
}

}  // namespace fp::test
