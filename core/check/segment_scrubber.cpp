#include "core/check/segment_scrubber.hpp"

#include <algorithm>
#include <utility>

#include "core/base/error.hpp"
#include "core/index/manifest.hpp"

namespace fp {

namespace {

static_assert(segment_header_bytes % uncached_alignment == 0, "the first piece holds the whole header");

size_t round_up(uint64_t bytes) {
  return static_cast<size_t>((bytes + uncached_alignment - 1) / uncached_alignment * uncached_alignment);
}

}  // namespace

segment_scrubber::segment_scrubber(file_system& fs, path file, const segment_ptr& served, size_t piece_bytes)
    : fs_(fs),
      file_(std::move(file)),
      name_(file_.string()),
      served_(served),
      expected_(served->info()),
      piece_bytes_(std::max<size_t>(1, piece_bytes / uncached_alignment) * uncached_alignment) {}

void segment_scrubber::require_size() const {
  const uint64_t size = source_->size();
  if (size == expected_.num_bytes) return;
  throw error(errc::corrupt_data, name_ + ": ends at offset " + std::to_string(size) + ", had " +
                                      std::to_string(expected_.num_bytes) + " bytes when it was loaded");
}

void segment_scrubber::open() {
  source_ = fs_.open_uncached(file_);
  require_size();
  piece_bytes_ = std::min(piece_bytes_, round_up(expected_.num_bytes));
  memory_ = aligned_memory(piece_bytes_ + uncached_alignment);
  const auto misplaced = reinterpret_cast<uintptr_t>(memory_.bytes().data()) % uncached_alignment;
  buffer_ = memory_.bytes().subspan((uncached_alignment - misplaced) % uncached_alignment, piece_bytes_);
}

std::span<const std::byte> segment_scrubber::read_piece() {
  const auto wanted = static_cast<size_t>(std::min<uint64_t>(piece_bytes_, expected_.num_bytes - offset_));
  size_t count = 0;
  try {
    count = source_->read_at(offset_, buffer_.first(round_up(wanted)));
  } catch (const error& e) {
    throw error(e.code(), std::string(e.what()) + ", at offset " + std::to_string(offset_));
  }
  if (count < wanted || offset_ + wanted == expected_.num_bytes) require_size();
  if (count < wanted) throw error(errc::io_error, name_ + ": short read at offset " + std::to_string(offset_));
  return buffer_.first(wanted);
}

void segment_scrubber::compare(std::span<const std::byte> piece, const segment& served) {
  if (difference_ || served.storage() != segment_storage::read_file) return;
  const auto resident = served.bytes().subspan(offset_, piece.size());
  const auto differing = std::ranges::mismatch(piece, resident).in1;
  if (differing != piece.end()) difference_ = offset_ + static_cast<uint64_t>(differing - piece.begin());
}

segment_scrubber::outcome segment_scrubber::next() {
  const auto served = served_.lock();
  if (!served) return outcome::gone;
  try {
    const auto result = next_of(*served);
    if (result == outcome::intact && source_->identity() == served->file()) served->set_checked();
    return result;
  } catch (const error&) {
    served->set_checked();
    throw;
  }
}

segment_scrubber::outcome segment_scrubber::next_of(const segment& served) {
  if (!source_) open();
  const auto piece = read_piece();
  compare(piece, served);
  offset_ += piece.size();
  try {
    auto unchecked = piece;
    if (!checker_) {
      checker_.emplace(name_, piece.first<segment_header_bytes>(), expected_.num_bytes);
      if (checker_->info() != expected_) {
        throw error(errc::corrupt_data, name_ + ": header at offset 0: is another segment's than was loaded");
      }
      unchecked = piece.subspan(segment_header_bytes);
    }
    checker_->update(unchecked);
  } catch (const error& e) {
    // It had the right format when it was loaded.
    const bool is_format = e.code() == errc::unsupported_format;
    const auto text = e.what() + std::string(is_format ? ", at offset 8" : "");
    if (!difference_) throw error(errc::corrupt_data, text);
    throw error(errc::corrupt_data,
                text + "; the first byte that is not as in memory is at offset " + std::to_string(*difference_));
  }
  if (offset_ < expected_.num_bytes) return outcome::unfinished;
  if (difference_) {
    throw error(errc::corrupt_data, name_ + ": damaged in memory, at offset " + std::to_string(*difference_) +
                                        ", while the file is right");
  }
  return outcome::intact;
}

bool is_named(file_system& fs, const path& data, const segment_info& segment) {
  try {
    const manifest named = read_manifest(fs, data);
    return std::ranges::any_of(named.segments, [&](const manifest_entry& e) { return e.info == segment; });
  } catch (const error&) {
    return true;
  }
}

}  // namespace fp
