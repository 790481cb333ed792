#include "core/index/index_metadata.hpp"

#include <algorithm>

namespace fp {

const std::vector<const std::byte*>& index_metadata::entries() const {
  std::call_once(merged_, [this] {
    std::vector<metadata_list> lists;
    for (const auto& s : segments_) lists.push_back(s->metadata());
    entries_ = merge_metadata(lists, false);
  });
  return entries_;
}

std::optional<std::string_view> index_metadata::find(std::string_view key) const {
  const auto& all = entries();
  const auto at =
      std::lower_bound(all.begin(), all.end(), key, [](const std::byte* entry, std::string_view wanted) {
        return metadata_list::read_entry(entry).key < wanted;
      });
  if (at == all.end()) return std::nullopt;
  const auto entry = metadata_list::read_entry(*at);
  return entry.key == key ? entry.value : std::nullopt;
}

metadata_map index_metadata::to_map() const {
  metadata_map map;
  for (const auto& [key, value] : *this) map.emplace_hint(map.end(), key, value);
  return map;
}

}  // namespace fp
