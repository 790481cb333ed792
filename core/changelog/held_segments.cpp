#include "core/changelog/held_segments.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/backup/backup_format.hpp"

namespace fp {

held_segments::held_segments(file_system& fs, path folder) : fs_(fs) {
  if (!fs_.exists(folder)) return;
  std::vector<std::pair<uint64_t, uint64_t>> sizes;
  for (const auto& name : fs_.list(folder)) {
    std::array<std::byte, segment_header_bytes> page;
    const held_file held{folder / name, fs_.file_size(folder / name)};
    if (fs_.open(held.file)->read_at(0, page) < page.size()) continue;
    const uint64_t id = backup_format::segment_id(page);
    files_[id] = held;
    sizes.emplace_back(held.num_bytes, id);
  }
  std::ranges::sort(sizes, std::greater<>());
  sizes.resize(std::min(sizes.size(), max_segments));
  for (const auto& [num_bytes, id] : sizes) ids_.push_back(id);
}

std::unique_ptr<readable_file> held_segments::open(uint64_t id) const { return fs_.open(files_.at(id).file); }

void held_segments::drop(uint64_t id) {
  const auto held = files_.extract(id);
  std::erase(ids_, id);
  fs_.remove(held.mapped().file);
}

}  // namespace fp
