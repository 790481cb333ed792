#include "core/segment/memory_segment_builder.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "core/base/error.hpp"
#include "core/segment/segment_writer.hpp"
#include "core/segment/stored_segment.hpp"

namespace fp {

void memory_segment_builder::read_documents(std::span<const commit_view> commits,
                                            std::vector<metadata_entry>& metadata) {
  documents_.clear();
  std::map<std::string_view, std::optional<std::string_view>> newest;
  bool ascending = true;
  for (const commit_view& c : commits) {
    changes_reader reader(c.changes);
    change_view change;
    while (reader.next(change)) {
      if (change.kind == change_kind::set_metadata) {
        newest.insert_or_assign(change.key, change.value);
        continue;
      }
      if (change.kind == change_kind::remove_metadata) {
        newest.insert_or_assign(change.key, std::nullopt);
        continue;
      }
      if (change.id == 0)
        throw error(errc::invalid_document_id, "commit " + std::to_string(c.id) + ": document id 0");
      ascending &= documents_.empty() || documents_.back().id < change.id;
      documents_.push_back({change.id, change.kind == change_kind::erase, c.id, change.hash_bytes});
    }
  }
  for (const auto& [key, value] : newest) metadata.push_back({key, value});
  if (ascending) return;
  std::stable_sort(documents_.begin(), documents_.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  size_t kept = 0;
  for (size_t i = 0; i < documents_.size(); i++) {
    if (i + 1 == documents_.size() || documents_[i + 1].id != documents_[i].id) documents_[kept++] = documents_[i];
  }
  documents_.resize(kept);
}

segment_ptr memory_segment_builder::build(std::span<const commit_view> commits, commit_parts parts) {
  if (commits.empty()) throw error(errc::internal_error, "a segment of no commits");
  const commit_range range{commits.front().previous, commits.front().id, commits.back().id, parts.first_part,
                           parts.last_part};
  bool follow = range.is_possible();
  for (size_t i = 1; i < commits.size(); i++) {
    follow &= commits[i].previous == commits[i - 1].id && commits[i].id > commits[i].previous;
  }
  if (!follow) {
    throw error(errc::internal_error,
                "commits " + std::to_string(range.first) + " and up do not follow each other");
  }
  segment_shape shape;
  shape.set_commits(range);
  read_documents(commits, shape.metadata);
  const auto postings = sorter_.sort(documents_);
  shape.hash_mask = sorter_.hash_mask();
  return make_memory_segment(write_segment(shape, postings, documents_));
}

segment_ptr build_memory_segment(std::span<const commit> commits, commit_parts parts) {
  std::vector<commit_view> views;
  views.reserve(commits.size());
  for (const commit& c : commits) views.push_back({c.previous, c.id, *c.changes});
  return memory_segment_builder().build(views, parts);
}

}  // namespace fp
