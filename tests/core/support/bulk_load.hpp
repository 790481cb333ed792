#pragma once

#include <string>
#include <vector>

#include "core/index/manifest.hpp"
#include "core/index/snapshot.hpp"
#include "core/merge/merge.hpp"
#include "tests/core/support/commits.hpp"

namespace fp::test {

/// The segments of one commit that is loaded in parts, oldest first, in memory.
inline std::vector<segment_ptr> load_in_parts(const std::vector<commit>& parts) {
  std::vector<segment_ptr> segments;
  for (uint32_t i = 0; i < parts.size(); i++) {
    const uint32_t last_part = i + 1 == parts.size() ? 0 : i + 1;
    segments.push_back(build_memory_segment({&parts[i], 1}, {.first_part = i, .last_part = last_part}));
  }
  return segments;
}

/// Makes adjacent segments the files of an index at rest, whose manifest was empty.
inline void write_index(file_system& fs, const path& data, const std::vector<segment_ptr>& segments) {
  manifest named;
  // One alone would lose its tombstones, as the oldest of an index does.
  const auto all = snapshot::from_segments(segments);
  for (size_t i = 0; i < segments.size(); i++) {
    const std::string name = segment_file_name(segments[i]->info().commits());
    named.segments.push_back({name, merge_to_file(*all, i, 1, fs, data / name, load_mode::read)->info()});
  }
  write_manifest(fs, data, named);
}

}  // namespace fp::test
