#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.hpp"
#include "core/base/radix_sort.hpp"
#include "core/segment/segment_writer.hpp"
#include "core/segment/stored_segment.hpp"

namespace fp {

namespace {

/// The last change to one document.
struct document_change {
  document_id id;
  bool deleted;
  commit_id commit;
  std::span<const std::byte> hash_bytes;
};

/// Of several changes to one document only the last one, in id order.
std::vector<document_change> last_changes(std::span<const commit> commits, metadata_map& metadata) {
  std::vector<document_change> changes;
  bool ascending = true;
  for (const commit& c : commits) {
    changes_reader reader(*c.changes);
    change_view change;
    while (reader.next(change)) {
      if (change.kind == change_kind::set_metadata) {
        metadata.insert_or_assign(std::string(change.key), std::string(change.value));
        continue;
      }
      if (change.id == 0)
        throw error(errc::invalid_document_id, "commit " + std::to_string(c.id) + ": document id 0");
      ascending &= changes.empty() || changes.back().id < change.id;
      changes.push_back({change.id, change.kind == change_kind::erase, c.id, change.hash_bytes});
    }
  }
  if (ascending) return changes;
  std::stable_sort(changes.begin(), changes.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  size_t kept = 0;
  for (size_t i = 0; i < changes.size(); i++) {
    if (i + 1 == changes.size() || changes[i + 1].id != changes[i].id) changes[kept++] = changes[i];
  }
  changes.resize(kept);
  return changes;
}

/// The distinct postings of all documents, in order; `hash_mask` becomes the bits that occur in hashes.
std::vector<posting> sorted_postings(std::span<const document_change> documents, hash_value& hash_mask) {
  size_t count = 0;
  for (const auto& d : documents) count += d.hash_bytes.size() / sizeof(hash_value);
  std::vector<posting> postings(count);
  posting* out = postings.data();
  hash_mask = 0;
  for (const auto& d : documents) {
    for (size_t at = 0; at < d.hash_bytes.size(); at += sizeof(hash_value)) {
      hash_value hash;
      std::memcpy(&hash, d.hash_bytes.data() + at, sizeof hash);
      hash_mask |= hash;
      *out++ = make_posting(hash, d.id);
    }
  }
  if (hash_mask != 0) {
    // Documents come in id order already and the sort is stable: only the hashes are left to be ordered.
    const auto low = static_cast<unsigned>(std::countr_zero(hash_mask));
    std::vector<posting> scratch;
    radix_sort(postings, scratch, 32 + low, bits_for(hash_mask) - low);
  }
  postings.erase(std::unique(postings.begin(), postings.end()), postings.end());
  return postings;
}

}  // namespace

segment_ptr build_memory_segment(std::span<const commit> commits) {
  if (commits.empty()) throw error(errc::internal_error, "a segment of no commits");
  for (size_t i = 0; i < commits.size(); i++) {
    if (commits[i].id == 0 || commits[i].id != commits[0].id + i) {
      throw error(errc::internal_error, "commits " + std::to_string(commits[0].id) + " and up are not consecutive");
    }
  }
  segment_shape shape;
  shape.first_commit = commits.front().id;
  shape.last_commit = commits.back().id;
  const auto documents = last_changes(commits, shape.metadata);
  const auto postings = sorted_postings(documents, shape.hash_mask);
  shape.num_postings = postings.size();
  shape.num_documents = documents.size();
  for (const auto& d : documents) shape.num_tombstones += d.deleted;
  if (!documents.empty()) {
    shape.min_document = documents.front().id;
    shape.max_document = documents.back().id;
  }
  memory_sink sink(plan_segment(shape).num_bytes());
  segment_writer writer(sink, shape);
  writer.add_postings(postings);
  for (const auto& d : documents) writer.add_document(d.id, d.commit, d.deleted);
  writer.finish();
  return make_memory_segment(sink.take());
}

}  // namespace fp
