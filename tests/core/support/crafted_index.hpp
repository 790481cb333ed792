#pragma once

#include <string>

#include "core/index/data_folder.hpp"
#include "core/index/manifest.hpp"
#include "core/segment/segment.hpp"
#include "tests/core/support/crafted_segment.hpp"

namespace fp::test {

/// Creates an index whose newest commit has any number. It is in a file, and inserts document 7 with the hash 1000.
inline index_record craft_index(const path& data, const std::string& name, commit_id version) {
  file_system& fs = posix_file_system();
  data_folder folder(fs, data);
  const auto record = folder.create(name, {}).record;
  segment_shape shape;
  shape.first_commit = shape.last_commit = version;
  shape.hash_mask = 1000;
  const auto files = folder.folders(record).data;
  const auto file = segment_file_name(version, version);
  fs.create(files / file)->write_at(0, craft_segment(shape, {make_posting(1000, 7)}, {{7, version}}));
  write_manifest(fs, files, {{{file, open_segment(fs, files / file, nullptr)->info()}}});
  return record;
}

}  // namespace fp::test
