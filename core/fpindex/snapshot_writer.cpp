#include "core/fpindex/snapshot_writer.hpp"

#include <algorithm>
#include <utility>

#include "core/base/error.hpp"
#include "core/fpindex/commit_tiling.hpp"
#include "core/fpindex/message_pack.hpp"
#include "core/fpindex/snapshot_header.hpp"
#include "core/index/data_folder.hpp"

namespace fp::fpindex {

snapshot_writer::snapshot_writer(snapshot_ptr from, const std::string& index_name, uint64_t generation,
                                 size_t max_chunk_bytes)
    : from_(std::move(from)),
      index_name_(index_name),
      generation_(generation),
      max_chunk_bytes_(std::max(max_chunk_bytes, block_bytes)) {
  require_valid_index_name(index_name);
  if (generation == 0) throw error(errc::generation_not_allowed, "export of " + index_name + ": generation 0");
  std::vector<commit_range> commits;
  for (const auto& e : from_->entries()) commits.push_back(e.segment->info().commits());
  tiles_ = tile_commits(commits);
}

std::span<const std::byte> snapshot_writer::next() {
  try {
    const auto chunk = make_next();
    // What has gone out may have been made of zeros: nothing is said to be complete then.
    from_->require_readable();
    return chunk;
  } catch (const error& e) {
    step_ = step::failed;
    if (e.code() == errc::corrupt_data) from_->require_readable();
    throw;
  } catch (...) {
    step_ = step::failed;
    throw;
  }
}

std::span<const std::byte> snapshot_writer::make_next() {
  std::span<const std::byte> chunk;
  switch (step_) {
    case step::sizes:
      measure();
      break;
    case step::header:
      chunk = next_of_header();
      break;
    case step::segments:
      chunk = next_of_segments();
      break;
    case step::end:
      break;
    case step::failed:
      throw error(errc::internal_error, "export of " + index_name_ + ": it has failed before");
  }
  num_bytes_ += chunk.size();
  return chunk;
}

void snapshot_writer::measure() {
  if (plans_.size() == tiles_.size()) {
    snapshot_header header{generation_, {}};
    for (const segment_plan& plan : plans_) header.files.push_back({plan.info, plan.num_bytes()});
    message_pack_writer w(header_);
    write(header, w);
    step_ = step::header;
    return;
  }
  const size_t at = plans_.size();
  if (!sizer_) sizer_.emplace(*from_->entries()[at].segment, from_->metadata(), tiles_[at]);
  if (const auto plan = sizer_->advance()) {
    plans_.push_back(*plan);
    sizer_.reset();
  }
}

std::span<const std::byte> snapshot_writer::next_of_header() {
  const auto left = std::span<const std::byte>(header_).subspan(header_given_);
  const auto chunk = left.first(std::min(left.size(), max_chunk_bytes_));
  header_given_ += chunk.size();
  if (header_given_ == header_.size()) step_ = tiles_.empty() ? step::end : step::segments;
  return chunk;
}

std::span<const std::byte> snapshot_writer::next_of_segments() {
  const auto& entry = from_->entries()[position_];
  if (!writer_) {
    writer_.emplace(name_of(entry), *entry.segment, from_->metadata(), plans_[position_], max_chunk_bytes_);
  }
  if (!writer_->at_end()) return writer_->next();
  writer_.reset();
  if (++position_ == tiles_.size()) step_ = step::end;
  return {};
}

std::string snapshot_writer::name_of(const snapshot::entry& e) const {
  return "export of " + index_name_ + ": segment of commits " + to_string(e.segment->info().commits());
}

}  // namespace fp::fpindex
