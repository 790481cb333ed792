#include "core/fpindex/snapshot_writer.hpp"

#include <algorithm>
#include <utility>

#include "core/fpindex/commit_tiling.hpp"
#include "core/fpindex/message_pack.hpp"
#include "core/fpindex/snapshot_header.hpp"

namespace fp::fpindex {

snapshot_writer::snapshot_writer(snapshot_ptr from, const std::string& index_name, uint64_t generation,
                                 size_t max_chunk_bytes)
    : chunk_producer(std::move(from), "export", index_name, generation, std::max(max_chunk_bytes, block_bytes)),
      generation_(generation) {
  std::vector<commit_range> commits;
  for (const auto& e : source().entries()) commits.push_back(e.segment->info().commits());
  tiles_ = tile_commits(commits);
}

std::span<const std::byte> snapshot_writer::make_next() {
  switch (step_) {
    case step::sizes:
      measure();
      return {};
    case step::header:
      return next_of_header();
    case step::segments:
      return next_of_segments();
    case step::end:
      break;
  }
  return {};
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
  if (!sizer_) sizer_.emplace(*source().entries()[at].segment, source().metadata(), tiles_[at]);
  if (const auto plan = sizer_->advance()) {
    plans_.push_back(*plan);
    sizer_.reset();
  }
}

std::span<const std::byte> snapshot_writer::next_of_header() {
  const auto left = std::span<const std::byte>(header_).subspan(header_given_);
  const auto chunk = left.first(std::min(left.size(), max_chunk_bytes()));
  header_given_ += chunk.size();
  if (header_given_ == header_.size()) step_ = tiles_.empty() ? step::end : step::segments;
  return chunk;
}

std::span<const std::byte> snapshot_writer::next_of_segments() {
  const auto& entry = source().entries()[position_];
  if (!writer_) {
    writer_.emplace(name_of(*entry.segment), *entry.segment, source().metadata(), plans_[position_],
                    max_chunk_bytes());
  }
  if (!writer_->at_end()) return writer_->next();
  writer_.reset();
  if (++position_ == tiles_.size()) step_ = step::end;
  return {};
}

}  // namespace fp::fpindex
