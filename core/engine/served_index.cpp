#include "core/engine/served_index.hpp"

#include <algorithm>

namespace fp {

namespace {

bool is_mapped(const snapshot::entry& e) { return e.segment->storage() == segment_storage::mapped_file; }

/// Whether `next` maps files that `before` does not. Segments that stay do not change their places, but for those
/// behind a merged one.
bool maps_new_files(const snapshot& before, const snapshot& next) {
  const auto a = before.entries(), b = next.entries();
  for (size_t i = 0; i < b.size() && is_mapped(b[i]); i++) {
    if (i >= a.size() || a[i].segment != b[i].segment) return true;
  }
  return false;
}

}  // namespace

bool served_index::maps_files() const noexcept {
  return !whole_->entries().empty() && is_mapped(whole_->entries().front());
}

bool served_index::has_file(const segment_info& segment) const {
  return std::ranges::any_of(files_->entries(),
                             [&](const snapshot::entry& e) { return e.segment->info() == segment; });
}

bool served_index::serve(snapshot_ptr whole, snapshot_ptr files) {
  // A commit, and a merge in memory, leave the files by themselves as they are.
  const size_t kept = files == files_ ? files->entries().size() : 0;
  std::vector<upkeep_segment> others;
  others.reserve(whole->entries().size() - kept);
  for (const auto& e : whole->entries().subspan(kept)) {
    const bool in_file = !e.segment->is_memory();
    const auto& facts = e.segment->info();
    const auto& seen = in_file ? files->entries()[kept + others.size()] : e;
    others.push_back({facts.first_commit, facts.last_commit, in_file, candidate_of(seen), facts.first_part});
  }
  const bool maps_new = kept == 0 && maps_new_files(*whole_, *whole);
  if (kept == 0) {
    segments_ = std::move(others);
  } else {
    // Of all of this only the insertion may fail, and leaves what was there.
    segments_.insert(segments_.end(), others.begin(), others.end());
    segments_.erase(segments_.begin() + static_cast<ptrdiff_t>(kept),
                    segments_.end() - static_cast<ptrdiff_t>(others.size()));
  }
  whole_ = std::move(whole);
  files_ = std::move(files);
  return maps_new;
}

bool served_index::replace(std::span<const segment_ptr> inputs, const segment_ptr& merged) {
  const segment* oldest = inputs.front().get();
  // Commits may have been published meanwhile; the inputs have not moved among themselves.
  auto next = whole_->with_replaced(whole_->position_of(oldest).value(), inputs.size(), merged);
  auto next_files = files_;
  if (next->entries().size() == next->num_file_segments()) {
    next_files = next;
  } else if (!oldest->is_memory()) {
    next_files = files_->with_replaced(files_->position_of(oldest).value(), inputs.size(), merged);
  } else if (!merged->is_memory()) {
    next_files = files_->with_added(merged);
  }
  return serve(std::move(next), std::move(next_files));
}

}  // namespace fp
