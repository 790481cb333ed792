#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/base/aligned_memory.hpp"
#include "core/base/bit_packing.hpp"
#include "core/base/checksum.hpp"
#include "core/base/types.hpp"
#include "core/segment/bucket_directory.hpp"
#include "core/segment/encoded_postings.hpp"
#include "core/segment/metadata_list.hpp"
#include "core/segment/segment_format.hpp"
#include "core/segment/segment_sink.hpp"

namespace fp {

/// What will be written, known exactly before the first posting; only `hash_mask` may be a superset.
struct segment_shape {
  commit_id previous_commit = 0, first_commit = 0, last_commit = 0;  ///< with the parts: see `commit_range`
  uint32_t first_part = 0, last_part = 0;
  uint64_t num_postings = 0, num_documents = 0, num_tombstones = 0;
  document_id min_document = 0, max_document = 0;  ///< 0 and 0 without documents
  hash_value hash_mask = 0;
  std::vector<metadata_entry> metadata;  ///< views of what outlives the writer

  void set_commits(const commit_range& range) noexcept {
    previous_commit = range.previous;
    first_commit = range.first;
    last_commit = range.last;
    first_part = range.first_part;
    last_part = range.last_part;
  }
};

/// The header that a shape leads to, without checksums. Throws `payload_too_large` for more than fits a segment.
segment_header plan_segment(const segment_shape& shape);

/// Writes one section front to back, checksumming on the way.
class section_writer {
 public:
  section_writer(segment_sink& sink, const section_location& location);

  /// Where the section's first byte goes. At least 16 KB may be written between two calls of `advance`.
  std::byte* begin() noexcept { return base_; }
  /// Everything before `position` is final. Returns where to go on, which may be somewhere else; the byte at
  /// `position` is then not copied along.
  std::byte* advance(std::byte* position) {
    return static_cast<size_t>(position - base_) < threshold_ ? position : flush(position);
  }
  /// Fills the section from `position` to its end with zeros and returns its checksum.
  uint64_t finish(std::byte* position);

 private:
  std::byte* flush(std::byte* position);

  segment_sink& sink_;
  section_location location_;
  aligned_memory buffer_;  ///< empty when written in place
  std::byte* base_ = nullptr;
  size_t threshold_ = 0;
  uint64_t flushed_ = 0;  ///< bytes of the section that were checksummed and handed to the sink
  checksum_stream checksum_;
};

/// Writes a segment in one pass with memory that does not depend on its size. Postings and documents may come in
/// any interleaving, each kind in ascending order. Throws `corrupt_data` when they are not in order or not what the
/// shape announced, as can happen when they come from a damaged segment.
class segment_writer {
 public:
  segment_writer(segment_sink& sink, const segment_shape& shape);

  void add_postings(std::span<const posting> postings);
  /// The same for who encodes them beforehand, by `header()`.
  void add_postings(const encoded_postings& postings);
  /// That of the segment, not complete yet.
  const segment_header& header() const noexcept { return header_; }
  void add_document(document_id id, commit_id commit, bool deleted);
  /// Completes the sections and writes the header, last.
  segment_info finish();

 private:
  bool is_wide() const noexcept { return header_.commit_bits() == wide_commit_bits; }
  void put_commit(uint64_t relative);
  void expect_room_for(uint64_t num_postings) const;
  /// All of postings but their entries, which are written.
  void add_counts(const encoded_postings& postings);
  /// Lets all parts of buckets below `upto` that have no start yet start at `position`.
  void start_parts(uint64_t upto, uint64_t position);
  void put_sample();
  /// Words of the counts from a place on, none of which is zero.
  void put_counts(uint64_t place, std::span<const uint64_t> words);
  /// Goes on with a later word of the counts.
  void go_to_word(uint64_t word);

  segment_sink& sink_;
  segment_header header_;
  std::vector<metadata_entry> metadata_;
  section_writer buckets_, postings_, documents_, tombstones_, commits_, metadata_section_, counts_;
  std::byte *next_sample_, *next_word_;
  bit_packer posting_packer_, document_packer_, tombstone_packer_, commit_packer_;
  encoded_postings encoded_;
  uint64_t started_parts_ = 0;
  bucket_directory::sample sample_;  ///< of the group of the last of them
  uint64_t num_words_ = 0,
           last_word_ = 0;  ///< words of the counts that are written, and the one behind them so far
  uint64_t num_postings_ = 0, num_documents_ = 0, num_tombstones_ = 0;
  posting last_posting_ = 0;
  document_id last_document_ = 0;
};

/// A whole segment in memory. `documents`, in ascending order, have `id`, `commit` and `deleted`. Fills in the
/// shape's counts and its range of ids. Throws as `plan_segment` and `segment_writer`.
template <class Documents>
aligned_memory write_segment(segment_shape& shape, std::span<const posting> postings, const Documents& documents) {
  shape.num_postings = postings.size();
  shape.num_documents = documents.size();
  shape.num_tombstones = 0;
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
  return sink.take();
}

}  // namespace fp
