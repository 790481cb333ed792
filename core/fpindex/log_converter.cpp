#include "core/fpindex/log_converter.hpp"

#include <utility>

#include "core/base/error.hpp"

namespace fp::fpindex {

log_converter::log_converter(commit_chain& chain, std::function<void(segment_ptr)> on_segment, size_t max_bytes)
    : chain_(chain), on_segment_(std::move(on_segment)), max_bytes_(max_bytes) {}

void log_converter::add(logged_commit commit) {
  const uint64_t version = commit.index_version();
  if (pending_.empty() || pending_.back().version != version) {
    if (!pending_.empty() && version < pending_.back().version) {
      throw error(errc::corrupt_data, commit.place + ": version " + std::to_string(version) + " follows version " +
                                          std::to_string(pending_.back().version));
    }
    if (pending_bytes_ >= max_bytes_) flush(true);
    pending_.push_back({version, {}, commit.place});
  }
  for (const auto& piece : commit.changes) {
    if (!pending_.back().changes.empty() && pending_bytes_ + piece.size() > max_bytes_) {
      if (pending_.size() > 1) {
        auto newest = std::move(pending_.back());
        pending_.pop_back();
        pending_bytes_ -= newest.changes.size();
        flush(true);
        pending_bytes_ = newest.changes.size();
        pending_.push_back(std::move(newest));
      }
      if (pending_bytes_ + piece.size() > max_bytes_) {
        flush(false);
        pending_.push_back({version, {}, commit.place});
      }
    }
    auto& changes = pending_.back().changes;
    changes.insert(changes.end(), piece.begin(), piece.end());
    pending_bytes_ += piece.size();
  }
}

void log_converter::finish() {
  if (!pending_.empty()) flush(true);
}

void log_converter::flush(bool is_whole) {
  std::vector<commit_view> commits;
  commit_parts parts;
  for (size_t i = 0; i < pending_.size(); i++) {
    const auto& [version, changes, place] = pending_[i];
    const auto range = chain_.take(version, version, is_whole || i + 1 < pending_.size(), place);
    if (i == 0) parts.first_part = range.first_part;
    parts.last_part = range.last_part;
    commits.push_back({range.previous, range.first, changes});
  }
  on_segment_(builder_.build(commits, parts));
  pending_.clear();
  pending_bytes_ = 0;
}

}  // namespace fp::fpindex
