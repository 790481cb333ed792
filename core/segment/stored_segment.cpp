#include "core/segment/stored_segment.hpp"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "core/base/bit_select.hpp"
#include "core/base/checksum.hpp"
#include "core/base/located_error.hpp"
#include "core/segment/read_ahead.hpp"

namespace fp {

namespace {

constexpr uint64_t verify_slice_bytes = read_ahead::window;
constexpr uint64_t items_per_cancel_check = uint64_t{1} << 20;
/// Left alone, the processor brings the starts half as fast as they are checked.
constexpr size_t prefetch_distance = 2048;
/// The documents of small segments come at once, which makes their sets compact and in one place.
constexpr size_t decode_block = size_t{32} << 10;
/// Smaller sets are not worth the compression's time.
constexpr uint64_t min_documents_to_compress = 4096;

[[noreturn]] void corrupt(const std::string& name, section_kind kind, uint64_t offset, const std::string& what) {
  throw located_error(errc::corrupt_data,
                      name + ": section " + to_string(kind) + " at offset " + std::to_string(offset) + ": " + what,
                      offset);
}

/// Adds ascending ids.
void append(doc_set& set, std::span<const document_id> ids) {
  if (ids.empty()) return;
  if (ids.back() - ids.front() == ids.size() - 1) {
    set.addRange(ids.front(), uint64_t{ids.back()} + 1);
  } else if (set.isEmpty()) {
    set = doc_set_maker().make(ids);
  } else {
    set.addMany(ids.size(), ids.data());
  }
}

}  // namespace

void require_readable(const mapped_file& file, const std::string& name) {
  if (const auto offset = file.unreadable_from()) {
    throw located_error(errc::io_error,
                        name + ": cannot be read from offset " + std::to_string(*offset) +
                            " on: the disk does not give it back, or the file was cut short",
                        *offset);
  }
}

void throw_if_cancelled(const cancel_flag* cancel, const std::string& name) {
  if (is_cancelled(cancel)) throw error(errc::cancelled, name + ": cancelled");
}

void verify_section(const std::string& name, section_kind kind, const section_location& location,
                    const std::function<std::span<const std::byte>(uint64_t offset, uint64_t length)>& slice) {
  checksum_stream stream;
  for (uint64_t at = location.offset; at < location.end();) {
    const uint64_t length = std::min(verify_slice_bytes, location.end() - at);
    stream.update(slice(at, length));
    at += length;
  }
  require_section_checksum(name, kind, location, stream.digest());
}

void require_section_checksum(const std::string& name, section_kind kind, const section_location& location,
                              uint64_t computed) {
  if (computed == location.checksum) return;
  corrupt(name, kind, location.offset,
          "checksum mismatch over " + std::to_string(location.end() - location.offset) + " bytes, stored " +
              to_hex16(location.checksum) + ", computed " + to_hex16(computed));
}

stored_segment::stored_segment(std::string name, segment_storage storage, std::span<const std::byte> bytes,
                               std::shared_ptr<const void> owner, const segment_header& header,
                               const mapping_use& use, const cancel_flag* cancel)
    : segment(use.verified),
      name_(std::move(name)),
      storage_(storage),
      bytes_(bytes),
      owner_(std::move(owner)),
      header_(header),
      use_(use),
      info_(make_info(header, bytes.first<segment_header_bytes>())),
      samples_(copy_of_samples()),
      postings_(header.split, directory(),
                packed_array(section_data(section_kind::postings), header.split.tail_bits + header.id_bits()),
                header.id_bits(), header.min_document),
      document_states_(header.num_documents, header.min_document,
                       packed_array(section_data(section_kind::documents), header.id_bits()),
                       packed_array(section_data(section_kind::tombstones), 1),
                       packed_array(section_data(section_kind::commits), header.commit_bits()),
                       header.first_commit) {
  if (!postings_.buckets().has_counts()) {
    check_starts(cancel);
  } else if (use.verified) {
    check_counts(cancel);
  }
  read_documents(cancel);
  read_metadata();
}

stored_segment::stored_segment(std::string name, std::shared_ptr<const mapped_file> file,
                               const segment_header& header, const mapping_use& use, const cancel_flag* cancel)
    : stored_segment(std::move(name), segment_storage::mapped_file, file->bytes(), file, header, use, cancel) {
  mapping_ = file.get();
  require_readable();
}

std::vector<std::byte> stored_segment::copy_of_samples() const {
  if (!use_.on_disk || header_.version < first_version_with_counts) return {};
  const section_location& samples = header_.section(section_kind::buckets);
  const auto bytes = bytes_.subspan(samples.offset, samples.length);
  return {bytes.begin(), bytes.end()};
}

bucket_directory stored_segment::directory() const noexcept {
  const unsigned bits = header_.split.bucket_bits;
  const std::byte* const starts = samples_.empty() ? section_data(section_kind::buckets) : samples_.data();
  return header_.version < first_version_with_counts
             ? bucket_directory::of_starts(bits, header_.num_postings, starts)
             : bucket_directory::of_counts(bits, header_.num_postings, starts, section_data(section_kind::counts));
}

void stored_segment::check_starts(const cancel_flag* cancel) const {
  const bucket_directory& buckets = postings_.buckets();
  const uint64_t num_starts = buckets.num_buckets() + 1;
  const uint64_t offset = header_.section(section_kind::buckets).offset;
  uint32_t previous = 0;
  for (uint64_t b = 0; b < num_starts;) {
    throw_if_cancelled(cancel, name_);
    const uint64_t end = std::min(num_starts, b + items_per_cancel_check);
    bool ascending = true;
    for (; b < end; b++) {
      __builtin_prefetch(buckets.start_address(b) + prefetch_distance);
      const uint32_t start = buckets.start(b);
      ascending &= start >= previous;
      previous = start;
    }
    if (!ascending) corrupt(name_, section_kind::buckets, offset, "counts are not cumulative");
  }
  if (buckets.start(0) != 0 || previous != header_.num_postings) {
    corrupt(name_, section_kind::buckets, offset, "counts do not cover all postings");
  }
}

void stored_segment::check_counts(const cancel_flag* cancel) const {
  const bucket_directory& buckets = postings_.buckets();
  using sample = bucket_directory::sample;
  const uint64_t num_groups = bucket_directory::num_samples(header_.split.bucket_bits) - 1;
  const auto require = [&](bool holds, section_kind kind, const char* what) {
    if (!holds) corrupt(name_, kind, header_.section(kind).offset, what);
  };
  require(buckets.sample_of(0).start() == 0 && buckets.sample_of(num_groups).start() == header_.num_postings,
          section_kind::buckets, "counts do not cover all postings");
  uint64_t word = 0, zeros_before = 0;  // the word that the search is in
  for (uint64_t group = 0; group <= num_groups; group++) {
    if (group % items_per_cancel_check == 0) throw_if_cancelled(cancel, name_);
    const sample of_group = buckets.sample_of(group);
    const uint32_t num_parts = group < num_groups ? bucket_directory::parts_of_group : 1;
    for (uint32_t part = 0; part < num_parts; part++) {
      const uint64_t bucket = std::min(
          (group << bucket_directory::group_bits) + (part << bucket_directory::part_bits), buckets.num_buckets());
      // A bucket's zero is behind those of all before it.
      bit_ranks zeros(~buckets.word(word));
      while (bucket - zeros_before >= zeros.count()) {
        zeros_before += zeros.count();
        require(++word < buckets.num_words(), section_kind::counts, "not as many buckets as there are");
        zeros = bit_ranks(~buckets.word(word));
      }
      const uint64_t place = (word << 6) + zeros.place_of(static_cast<uint32_t>(bucket - zeros_before));
      const uint64_t before = place - bucket, start = of_group.start();
      require(before >= start && std::min<uint64_t>(before - start, sample::many) == of_group.before_part(part),
              section_kind::counts, "not the postings that section buckets says");
    }
  }
  const uint64_t end = header_.num_postings + buckets.num_buckets();
  require(buckets.word(end >> 6) >> (end & 63) == 0, section_kind::counts, "more postings than there are");
}

void stored_segment::read_documents(const cancel_flag* cancel) {
  const document_table& table = document_states_;
  const uint64_t ids_at = header_.section(section_kind::documents).offset;
  const uint64_t commits_at = header_.section(section_kind::commits).offset;
  std::vector<document_id> ids, deleted;
  ids.reserve(std::min<uint64_t>(table.size(), decode_block));
  const uint64_t max_relative = header_.max_document - header_.min_document;
  const packed_array relative_ids(section_data(section_kind::documents), header_.id_bits());
  uint64_t next_allowed = 0;
  for (uint64_t i = 0; i < table.size();) {
    if (i % items_per_cancel_check == 0) throw_if_cancelled(cancel, name_);
    const uint64_t end = std::min<uint64_t>(table.size(), i + decode_block);
    ids.clear();
    deleted.clear();
    bool ascending = true;
    uint64_t newest = 0;  // behind the first commit: the sum of both could wrap around
    for (; i < end; i++) {
      const uint64_t relative = relative_ids[i];
      ascending &= relative >= next_allowed;
      next_allowed = relative + 1;
      newest = std::max(newest, table.commit_at(i) - header_.first_commit);
      ids.push_back(table.id_at(i));
      if (table.deleted_at(i)) deleted.push_back(ids.back());
    }
    if (!ascending || next_allowed > max_relative + 1) {
      corrupt(name_, section_kind::documents, ids_at, "ids are not ascending or outside the header's range");
    }
    if (newest > header_.last_commit - header_.first_commit) {
      corrupt(name_, section_kind::commits, commits_at, "a commit outside the header's range");
    }
    append(documents_, ids);
    append(tombstones_, deleted);
  }
  if (table.size() > 0 && (table.id_at(0) != header_.min_document || next_allowed != max_relative + 1)) {
    corrupt(name_, section_kind::documents, ids_at, "ids do not fill the header's range");
  }
  if (table.size() >= min_documents_to_compress) {
    for (doc_set* set : {&documents_, &tombstones_}) {
      set->runOptimize();
      set->shrinkToFit();
    }
  }
  if (tombstones_.cardinality() != header_.num_tombstones) {
    corrupt(name_, section_kind::tombstones, header_.section(section_kind::tombstones).offset,
            "not as many tombstones as the header says");
  }
}

void stored_segment::read_metadata() {
  const section_location& location = header_.section(section_kind::metadata);
  auto bytes = bytes_.subspan(location.offset, location.length);
  if (storage_ == segment_storage::mapped_file) {
    // It is read where it lies, by whoever asks and without a bound: not in pages that may be lost or changed.
    metadata_bytes_.assign(bytes.begin(), bytes.end());
    bytes = metadata_bytes_;
  }
  const auto decoded = metadata_list::decode(bytes, header_.version >= first_version_with_removals);
  if (!decoded) corrupt(name_, section_kind::metadata, location.offset, "malformed");
  metadata_ = *decoded;
}

std::optional<document_state> stored_segment::find(document_id id) const {
  if (!documents_.contains(id)) return std::nullopt;
  std::optional<document_state> found;
  if (const auto position = document_states_.position_of(id)) {
    found = {document_states_.commit_at(*position), document_states_.deleted_at(*position)};
  }
  require_readable();
  return found;
}

void stored_segment::require_readable() const {
  if (mapping_ != nullptr) fp::require_readable(*mapping_, name_);
}

void stored_segment::will_read(std::span<const std::byte> bytes) const noexcept {
  if (mapping_ != nullptr) mapping_->will_read(bytes);
}

void stored_segment::verify(const cancel_flag* cancel) const {
  read_ahead ahead(*this);
  try {
    // A copy: what was checked must be what is used.
    header_page page;
    std::copy_n(bytes_.begin(), page.size(), page.begin());
    const segment_header stored = decode_header(page, bytes_.size(), name_);
    for (size_t i = 0; i < num_sections_of(stored.version); i++) {
      verify_section(name_, static_cast<section_kind>(i + 1), stored.sections[i],
                     [&](uint64_t at, uint64_t length) {
                       throw_if_cancelled(cancel, name_);
                       ahead.reached(bytes_.data() + at);
                       return bytes_.subspan(at, length);
                     });
    }
  } catch (const error& e) {
    // That a page could not be read says more than that it holds the wrong bytes.
    if (e.code() == errc::corrupt_data) require_readable();
    throw;
  }
  require_readable();
  set_checked();
}

segment_ptr make_memory_segment(aligned_memory bytes) {
  const auto owner = std::make_shared<const aligned_memory>(std::move(bytes));
  const std::span<const std::byte> view = owner->bytes();
  const std::string name = "segment in memory";
  const segment_header header = decode_header(view.first<segment_header_bytes>(), view.size(), name);
  return std::make_shared<stored_segment>(name, segment_storage::memory, view, owner, header);
}

}  // namespace fp
