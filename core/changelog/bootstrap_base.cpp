#include "core/changelog/bootstrap_base.hpp"

#include <utility>

#include "core/base/error.hpp"
#include "core/segment/segment.hpp"

namespace fp {

bulk_loader::bulk_loader(file_system& fs, path folder, feed_position position, size_t part_bytes)
    : fs_(fs),
      folder_(std::move(folder)),
      position_(position),
      converter_(
          chain_,
          [this](const segment_ptr& part) {
            files_.push_back(folder_ / (std::to_string(files_.size()) + ".seg"));
            fs_.create(files_.back())->write_at(0, part->bytes());
          },
          part_bytes) {}

void bulk_loader::convert(std::vector<std::vector<uint8_t>> changes) {
  has_changes_ = true;
  converter_.add({position_, position_, std::move(changes), "the changelog"});
}

void bulk_loader::add(std::span<const uint8_t> changes) {
  changes_limits limits;
  limits.max_bytes = SIZE_MAX;
  limits.allow_empty_fingerprints = true;
  validate_changes(changes, limits);
  convert({{changes.begin(), changes.end()}});
}

void bulk_loader::add(std::span<const uint8_t> changes, feed_position position) {
  position_ = position;
  add(changes);
}

snapshot_ptr bulk_loader::finish() {
  // Even without anything in it the index is where it is.
  if (!has_changes_ && position_ > 0) convert({});
  converter_.finish();
  std::vector<segment_ptr> parts;
  for (const path& file : files_) parts.push_back(open_segment(fs_, file, nullptr, {load_mode::map, nullptr, {}}));
  return snapshot::from_segments(std::move(parts));
}

snapshot_ptr bootstrap_base::bring() {
  files().remove_all(folder());
  files().create_directories(folder());
  bulk_loader loader(files(), folder(), from_->position());
  for (;;) {
    const auto part = from_->next(silence_deadline(deadline_));
    if (!part.is_done()) throw error(errc::unreachable, part.why);
    if (part.changes.empty()) break;
    loader.add(part.changes);
  }
  return loader.finish();
}

}  // namespace fp
