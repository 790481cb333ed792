#include "core/segment/segment_writer.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "core/base/error.hpp"

namespace fp {

namespace {

constexpr size_t file_buffer_bytes = size_t{1} << 20;
constexpr size_t in_place_slice_bytes = size_t{64} << 10;  ///< checksummed while still in the cache
constexpr size_t buffer_slack_bytes = size_t{16} << 10;    ///< what may be written between two `advance` calls
constexpr size_t block_postings = 1024;

constexpr uint64_t entry_bits_at_once = 8 * 7 * 1024;

static_assert(block_postings * sizeof(uint64_t) + sizeof(uint64_t) <= buffer_slack_bytes);
static_assert(entry_bits_at_once / 8 + sizeof(uint64_t) <= buffer_slack_bytes);

}  // namespace

void memory_sink::write_at(uint64_t offset, std::span<const std::byte> bytes) {
  std::memcpy(memory_.bytes().subspan(offset, bytes.size()).data(), bytes.data(), bytes.size());
}

segment_header plan_segment(const segment_shape& shape) {
  segment_header header;
  header.previous_commit = shape.previous_commit;
  header.first_commit = shape.first_commit;
  header.last_commit = shape.last_commit;
  header.first_part = shape.first_part;
  header.last_part = shape.last_part;
  header.num_postings = shape.num_postings;
  header.num_documents = shape.num_documents;
  header.num_tombstones = shape.num_tombstones;
  header.min_document = shape.min_document;
  header.max_document = shape.max_document;
  header.hash_mask = shape.hash_mask;
  header.split = hash_split::choose(shape.num_postings, shape.hash_mask);
  header.lay_out(metadata_bytes(shape.metadata));
  return header;
}

section_writer::section_writer(segment_sink& sink, const section_location& location)
    : sink_(sink), location_(location) {
  if (const auto place = sink.in_place(); !place.empty()) {
    base_ = place.data() + location.offset;
    threshold_ = in_place_slice_bytes;
  } else {
    const uint64_t padded = location.end() - location.offset;
    buffer_ = aligned_memory(std::min<uint64_t>(file_buffer_bytes, padded) + buffer_slack_bytes);
    base_ = buffer_.bytes().data();
    threshold_ = file_buffer_bytes;
  }
}

std::byte* section_writer::flush(std::byte* position) {
  const std::span<const std::byte> done(base_, position);
  checksum_.update(done);
  if (buffer_.bytes().empty()) {
    base_ = position;
  } else if (!done.empty()) {
    sink_.write_at(location_.offset + flushed_, done);
  }
  flushed_ += done.size();
  return base_;
}

uint64_t section_writer::finish(std::byte* position) {
  const uint64_t written = flushed_ + static_cast<uint64_t>(position - base_);
  const uint64_t padding = location_.end() - location_.offset - written;
  std::memset(position, 0, padding);
  flush(position + padding);
  return checksum_.digest();
}

segment_writer::segment_writer(segment_sink& sink, const segment_shape& shape)
    : sink_(sink),
      header_(plan_segment(shape)),
      metadata_(shape.metadata),
      buckets_(sink, header_.section(section_kind::buckets)),
      postings_(sink, header_.section(section_kind::postings)),
      documents_(sink, header_.section(section_kind::documents)),
      tombstones_(sink, header_.section(section_kind::tombstones)),
      commits_(sink, header_.section(section_kind::commits)),
      metadata_section_(sink, header_.section(section_kind::metadata)),
      counts_(sink, header_.section(section_kind::counts)),
      next_sample_(buckets_.begin()),
      next_word_(counts_.begin()),
      posting_packer_(postings_.begin(), header_.split.tail_bits + header_.id_bits()),
      document_packer_(documents_.begin(), header_.id_bits()),
      tombstone_packer_(tombstones_.begin(), 1),
      commit_packer_(commits_.begin(), is_wide() ? wide_commit_bits / 2 : header_.commit_bits()) {}

void segment_writer::add_postings(std::span<const posting> postings) {
  while (!postings.empty()) {
    const auto block = postings.first(std::min(postings.size(), block_postings));
    expect_room_for(block.size());
    encoded_.encode(header_, block, posting_packer_);
    posting_packer_.move_to(postings_.advance(posting_packer_.position()));
    add_counts(encoded_);
    postings = postings.subspan(block.size());
  }
}

void segment_writer::add_postings(const encoded_postings& postings) {
  expect_room_for(postings.size());
  if (postings.size() == 0) return;
  const uint64_t num_bits = uint64_t{header_.split.tail_bits + header_.id_bits()} * postings.size();
  for (uint64_t done = 0; done < num_bits; done += entry_bits_at_once) {
    posting_packer_.put_bits(postings.entries() + done / 8, std::min(entry_bits_at_once, num_bits - done));
    posting_packer_.move_to(postings_.advance(posting_packer_.position()));
  }
  add_counts(postings);
}

void segment_writer::expect_room_for(uint64_t num_postings) const {
  if (num_postings > header_.num_postings - num_postings_) throw_not_as_announced(header_, "too many postings");
}

void segment_writer::add_counts(const encoded_postings& postings) {
  // The very first posting may be key 0 only with document 0, which does not exist: equality is an error.
  if (postings.first() <= last_posting_) {
    throw_not_as_announced(header_, "postings are not in ascending order");
  }
  last_posting_ = postings.last();
  for (const auto& [number, before] : postings.parts()) {
    if (number >= started_parts_) start_parts(number + uint64_t{1}, num_postings_ + before);
  }
  const uint64_t first_place = num_postings_ + header_.split.bucket(posting_hash(postings.first())) + 1;
  for (const auto& [number, words] : postings.counts()) put_counts(first_place + 64 * number, words);
  num_postings_ += postings.size();
}

void segment_writer::start_parts(uint64_t upto, uint64_t position) {
  for (; started_parts_ < upto; started_parts_++) {
    const uint32_t part = started_parts_ % bucket_directory::parts_of_group;
    if (part > 0) {
      sample_.set_part(part, position - sample_.start());
      continue;
    }
    if (started_parts_ > 0) put_sample();
    sample_ = bucket_directory::sample(position);
  }
}

void segment_writer::put_sample() {
  const uint64_t value = sample_.value();
  std::memcpy(next_sample_, &value, sizeof value);
  next_sample_ = buckets_.advance(next_sample_ + sizeof value);
}

void segment_writer::put_counts(uint64_t place, std::span<const uint64_t> words) {
  const unsigned shift = place & 63;
  // Of two shifts, as none is by 64.
  const auto rest_of = [&](uint64_t word) { return word >> 1 >> (63 - shift); };
  go_to_word(place >> 6);
  last_word_ |= words.front() << shift;
  uint64_t rest = rest_of(words.front());
  for (words = words.subspan(1); !words.empty();) {
    const auto piece = words.first(std::min(words.size(), buffer_slack_bytes / sizeof last_word_));
    std::byte* next = next_word_;
    uint64_t last = last_word_;  // the compiler cannot know that writing bytes leaves it alone
    for (const uint64_t word : piece) {
      std::memcpy(next, &last, sizeof last);
      next += sizeof last;
      last = rest | word << shift;
      rest = rest_of(word);
    }
    last_word_ = last;
    num_words_ += piece.size();
    next_word_ = counts_.advance(next);
    words = words.subspan(piece.size());
  }
  if (rest != 0) {
    go_to_word(num_words_ + 1);
    last_word_ = rest;
  }
}

void segment_writer::go_to_word(uint64_t word) {
  while (num_words_ < word) {
    const uint64_t count = std::min<uint64_t>(word - num_words_, buffer_slack_bytes / sizeof last_word_);
    for (uint64_t i = 0; i < count; i++) {
      const uint64_t written = std::exchange(last_word_, 0);
      std::memcpy(next_word_, &written, sizeof written);
      next_word_ += sizeof written;
    }
    num_words_ += count;
    next_word_ = counts_.advance(next_word_);
  }
}

void segment_writer::add_document(document_id id, commit_id commit, bool deleted) {
  if (num_documents_ == header_.num_documents) throw_not_as_announced(header_, "too many documents");
  if (id <= last_document_) throw_not_as_announced(header_, "documents are not in ascending order");
  if (id < header_.min_document || id > header_.max_document || commit < header_.first_commit ||
      commit > header_.last_commit) {
    throw_not_as_announced(header_, "a document outside the announced range");
  }
  last_document_ = id;
  num_documents_++;
  num_tombstones_ += deleted;
  document_packer_.put(id - header_.min_document);
  tombstone_packer_.put(deleted);
  put_commit(commit - header_.first_commit);
  if (num_documents_ % block_postings == 0) {
    document_packer_.move_to(documents_.advance(document_packer_.position()));
    tombstone_packer_.move_to(tombstones_.advance(tombstone_packer_.position()));
    commit_packer_.move_to(commits_.advance(commit_packer_.position()));
  }
}

void segment_writer::put_commit(uint64_t relative) {
  if (!is_wide()) {
    commit_packer_.put(relative);
    return;
  }
  // Wider than a packer writes at once.
  commit_packer_.put(static_cast<uint32_t>(relative));
  commit_packer_.put(relative >> (wide_commit_bits / 2));
}

segment_info segment_writer::finish() {
  if (num_postings_ != header_.num_postings) throw_not_as_announced(header_, "too few postings");
  if (num_documents_ != header_.num_documents) throw_not_as_announced(header_, "too few documents");
  if (num_tombstones_ != header_.num_tombstones) throw_not_as_announced(header_, "not the announced tombstones");
  const uint64_t num_groups = bucket_directory::num_samples(header_.split.bucket_bits) - 1;
  start_parts(num_groups * bucket_directory::parts_of_group + 1, num_postings_);
  put_sample();
  go_to_word(header_.section(section_kind::counts).length / sizeof(uint64_t));
  const auto complete = [&](section_kind kind, section_writer& writer, std::byte* position) {
    header_.section(kind).checksum = writer.finish(position);
  };
  complete(section_kind::buckets, buckets_, next_sample_);
  complete(section_kind::postings, postings_, posting_packer_.end());
  complete(section_kind::documents, documents_, document_packer_.end());
  complete(section_kind::tombstones, tombstones_, tombstone_packer_.end());
  complete(section_kind::commits, commits_, commit_packer_.end());

  std::byte* position = metadata_section_.begin();
  encode_metadata(metadata_, [&](std::span<const std::byte> left) {
    while (!left.empty()) {
      const auto piece = left.first(std::min(left.size(), buffer_slack_bytes));
      std::memcpy(position, piece.data(), piece.size());
      position = metadata_section_.advance(position + piece.size());
      left = left.subspan(piece.size());
    }
  });
  complete(section_kind::metadata, metadata_section_, position);
  complete(section_kind::counts, counts_, next_word_);

  header_page page;
  encode_header(header_, page);
  sink_.write_at(0, page);
  return make_info(header_, page);
}

}  // namespace fp
