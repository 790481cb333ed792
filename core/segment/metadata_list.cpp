#include "core/segment/metadata_list.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "core/base/error.hpp"

namespace fp {

namespace {

constexpr size_t count_bytes = sizeof(uint32_t), lengths_bytes = 2 * sizeof(uint32_t);
/// As the length of a value.
constexpr uint32_t removed = UINT32_MAX;

uint32_t read_u32(const std::byte* at) noexcept {
  uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

uint64_t entry_bytes(const std::byte* at) noexcept {
  const uint32_t key_length = read_u32(at), value_length = read_u32(at + sizeof(uint32_t));
  return lengths_bytes + uint64_t{key_length} + (value_length == removed ? 0 : value_length);
}

/// Whether a whole entry lies between two places.
bool fits(const std::byte* at, const std::byte* end) noexcept {
  const auto left = static_cast<uint64_t>(end - at);
  return left >= lengths_bytes && entry_bytes(at) <= left;
}

}  // namespace

metadata_entry metadata_list::read_entry(const std::byte* at) noexcept {
  const uint32_t key_length = read_u32(at), value_length = read_u32(at + sizeof(uint32_t));
  const auto* text = reinterpret_cast<const char*>(at + lengths_bytes);
  metadata_entry entry{{text, key_length}, std::nullopt};
  if (value_length != removed) entry.value.emplace(text + key_length, value_length);
  return entry;
}

metadata_list::iterator& metadata_list::iterator::operator++() noexcept {
  at_ += entry_bytes(at_);
  left_--;
  if (left_ > 0 && !fits(at_, end_)) left_ = 0;
  return *this;
}

metadata_list::iterator metadata_list::begin() const noexcept {
  const auto *at = bytes_.data() + count_bytes, *end = bytes_.data() + bytes_.size();
  if (count_ == 0 || !fits(at, end)) return {};
  return {at, end, count_};
}

std::optional<metadata_list> metadata_list::decode(std::span<const std::byte> bytes, bool may_remove) noexcept {
  if (bytes.size() < count_bytes) return std::nullopt;
  metadata_list list;
  list.bytes_ = bytes;
  list.count_ = read_u32(bytes.data());
  const std::byte *at = bytes.data() + count_bytes, *const end = bytes.data() + bytes.size();
  std::optional<std::string_view> before;
  for (uint32_t i = 0; i < list.count_; i++) {
    if (!fits(at, end)) return std::nullopt;
    const auto entry = read_entry(at);
    if (before && entry.key <= *before) return std::nullopt;
    if (!entry.value && !may_remove) return std::nullopt;
    before = entry.key;
    at += entry_bytes(at);
  }
  if (at != end) return std::nullopt;
  return list;
}

metadata_map metadata_list::to_map() const {
  metadata_map map;
  for (const auto& [key, value] : *this) {
    if (value) map.emplace_hint(map.end(), key, *value);
  }
  return map;
}

uint64_t metadata_bytes(std::span<const metadata_entry> entries) {
  uint64_t bytes = count_bytes, longest = entries.size();
  for (const auto& [key, value] : entries) {
    const uint64_t value_bytes = value ? value->size() : 0;
    bytes += lengths_bytes + key.size() + value_bytes;
    longest = std::max<uint64_t>({longest, key.size(), value_bytes});
  }
  if (longest >= removed) throw error(errc::payload_too_large, "metadata: a length of 4 GB or more");
  return bytes;
}

std::vector<const std::byte*> merge_metadata(std::span<const metadata_list> oldest_first, bool keep_removals) {
  using entries = std::vector<const std::byte*>;
  const auto key = [](const std::byte* at) { return metadata_list::read_entry(at).key; };
  std::vector<entries> runs;
  for (const auto& list : oldest_first) {
    if (list.empty()) continue;
    auto& run = runs.emplace_back();
    run.reserve(list.size());
    for (auto at = list.begin(); at != list.end(); ++at) run.push_back(at.position());
  }
  // Neighbours, so that the order of age is kept.
  while (runs.size() > 1) {
    std::vector<entries> next;
    for (size_t i = 0; i < runs.size(); i += 2) {
      if (i + 1 == runs.size()) {
        next.push_back(std::move(runs[i]));
        break;
      }
      const entries &older = runs[i], &newer = runs[i + 1];
      auto& merged = next.emplace_back();
      merged.reserve(older.size() + newer.size());
      auto a = older.begin();
      for (const auto* b : newer) {
        const auto newer_key = key(b);
        while (a != older.end() && key(*a) < newer_key) merged.push_back(*a++);
        if (a != older.end() && key(*a) == newer_key) ++a;
        merged.push_back(b);
      }
      merged.insert(merged.end(), a, older.end());
      runs[i] = {};
      runs[i + 1] = {};
    }
    runs = std::move(next);
  }
  if (runs.empty()) return {};
  auto& all = runs.front();
  if (!keep_removals) std::erase_if(all, [](const auto* at) { return !metadata_list::read_entry(at).value; });
  all.shrink_to_fit();
  return std::move(all);
}

}  // namespace fp
