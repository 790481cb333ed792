#include "core/changelog/slice_base.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/backup/backup_restorer.hpp"
#include "core/base/error.hpp"
#include "core/index/manifest.hpp"
#include "core/merge/merge.hpp"

namespace fp {

namespace {

constexpr size_t taken_at_once = size_t{256} << 10;

}  // namespace

snapshot_ptr slice_base::receive() {
  const index_folders target{folder() / "received" / "data", folder() / "received" / "oplog"};
  files().create_directories(target.data);
  backup_restorer restorer(files(), target, options_.cancel.get());
  const auto look_at = [&](const backup_format::stream_header& header) {
    if (header.generation != of().generation || header.index_name != of().index) {
      throw error(errc::corrupt_data, "sends " + to_string(lineage{header.index_name, header.generation}));
    }
    if (options_.on_progress) options_.on_progress(restorer.offset(), header.num_bytes);
  };
  try {
    std::vector<std::byte> piece(taken_at_once);
    while (const size_t count = from_->read(piece, silence_deadline(options_.deadline))) {
      restorer.update(std::span(piece).first(count));
      if (restorer.header()) look_at(*restorer.header());
    }
    restorer.finish();
  } catch (const std::exception&) {
    if (!options_.held.empty()) restorer.move_segments(options_.held);
    throw;
  }
  std::vector<segment_ptr> segments;
  for (const auto& entry : read_manifest(files(), target.data).segments) {
    segments.push_back(
        open_segment(files(), target.data / entry.file_name, &entry.info, {load_mode::map, nullptr, {}}));
  }
  return snapshot::from_segments(std::move(segments));
}

snapshot_ptr slice_base::bring() {
  files().remove_all(folder());
  const path cut = folder() / "slice";
  files().create_directories(cut);
  if (from_) more_ = receive();
  // One by one: a merge of all might be larger than a segment may be.
  std::vector<segment_ptr> parts;
  const auto entries = more_->entries();
  for (size_t i = 0; i < entries.size(); i++) {
    parts.push_back(merge_to_file(*more_, i, 1, files(),
                                  cut / segment_file_name(entries[i].segment->info().commits()), load_mode::map,
                                  options_.cancel.get(), part_));
  }
  more_.reset();
  from_.reset();
  files().remove_all(folder() / "received");
  return snapshot::from_segments(std::move(parts));
}

}  // namespace fp
