#include "core/changelog/bootstrap_base.hpp"

#include <algorithm>
#include <utility>

#include "core/base/error.hpp"
#include "core/segment/segment.hpp"

namespace fp {

namespace {

// A feed that sends nothing for so long has ended.
constexpr std::chrono::seconds longest_silence{30};

}  // namespace

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
  converter_.add({position_, position_, std::move(changes), "the bootstrap stream"});
}

void bulk_loader::add(std::span<const uint8_t> changes) {
  changes_limits limits;
  limits.max_bytes = SIZE_MAX;
  limits.allow_empty_fingerprints = true;
  validate_changes(changes, limits);
  convert({{changes.begin(), changes.end()}});
}

snapshot_ptr bulk_loader::finish() {
  // Even without anything in it the index is where it is.
  if (!has_changes_ && position_ > 0) convert({});
  converter_.finish();
  std::vector<segment_ptr> parts;
  for (const path& file : files_) parts.push_back(open_segment(fs_, file, nullptr, {load_mode::map, nullptr, {}}));
  return snapshot::from_segments(std::move(parts));
}

bootstrap_base::bootstrap_base(file_system& fs, path folder, std::unique_ptr<bootstrap_stream> from, lineage of,
                               time_point deadline)
    : fs_(fs), folder_(std::move(folder)), from_(std::move(from)), of_(std::move(of)), deadline_(deadline) {}

bootstrap_base::~bootstrap_base() {
  backup_.reset();
  try {
    fs_.remove_all(folder_);
  } catch (const std::exception&) {
    // The next start removes it.
  }
}

void bootstrap_base::load() {
  fs_.remove_all(folder_);
  fs_.create_directories(folder_);
  bulk_loader loader(fs_, folder_, from_->position());
  for (;;) {
    const auto now = std::chrono::steady_clock::now();
    const auto part = from_->next(std::min(deadline_, now + longest_silence));
    if (!part.is_done()) throw error(errc::unreachable, part.why);
    if (part.changes.empty()) break;
    loader.add(part.changes);
  }
  backup_.emplace(loader.finish(), of_.index, of_.generation);
}

size_t bootstrap_base::read(std::span<std::byte> out, time_point) {
  if (!backup_) load();
  while (left_.empty() && !backup_->at_end()) left_ = backup_->next();
  const size_t count = std::min(out.size(), left_.size());
  std::copy_n(left_.begin(), count, out.begin());
  left_ = left_.subspan(count);
  return count;
}

}  // namespace fp
