#include "core/segment/segment_format.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/base/checksum.hpp"
#include "core/base/little_endian.hpp"
#include "core/base/located_error.hpp"
#include "core/segment/bucket_directory.hpp"

namespace fp {

namespace {

// Byte offsets within the header page.
enum field : size_t {
  at_magic = 0,
  at_version = 8,
  at_num_sections = 12,
  at_num_bytes = 16,
  at_first_commit = 24,
  at_last_commit = 32,
  at_num_postings = 40,
  at_num_documents = 48,
  at_num_tombstones = 56,
  at_min_document = 64,
  at_max_document = 68,
  at_hash_mask = 72,
  at_shift = 76,
  at_bucket_bits = 77,
  at_tail_bits = 78,
  at_id_bits = 79,
  at_commit_bits = 80,
  at_previous_commit = 280,
  at_first_part = 288,
  at_last_part = 292,
  at_checksum = segment_header_bytes - sizeof(uint64_t),
};

constexpr unsigned max_bucket_bits = 31;

/// Bytes of a packed section, the readable padding included.
constexpr uint64_t packed_section(uint64_t count, unsigned width) noexcept {
  return packed_bytes(count, width) + 8;
}

[[noreturn]] void corrupt(const std::string& name, size_t offset, const std::string& what) {
  throw located_error(errc::corrupt_data, name + ": header at offset " + std::to_string(offset) + ": " + what,
                      offset);
}

}  // namespace

hash_split hash_split::choose(uint64_t num_postings, hash_value hash_mask) noexcept {
  hash_split split;
  split.shift = hash_mask == 0 ? 0 : static_cast<uint8_t>(std::countr_zero(hash_mask));
  const unsigned value_bits = bits_for(hash_mask >> split.shift);
  unsigned bucket_bits = value_bits - std::min(value_bits, max_tail_bits);
  const auto are_full = [&] { return num_postings * 4 > uint64_t{5} << bucket_bits; };
  while (bucket_bits < std::min(value_bits, max_bucket_bits) && are_full()) bucket_bits++;
  split.bucket_bits = static_cast<uint8_t>(bucket_bits);
  split.tail_bits = static_cast<uint8_t>(value_bits - bucket_bits);
  return split;
}

const char* to_string(section_kind kind) noexcept {
  switch (kind) {
    case section_kind::buckets:
      return "buckets";
    case section_kind::postings:
      return "postings";
    case section_kind::documents:
      return "documents";
    case section_kind::tombstones:
      return "tombstones";
    case section_kind::commits:
      return "commits";
    case section_kind::metadata:
      return "metadata";
    case section_kind::counts:
      return "counts";
  }
  return "unknown";
}

void require_storable(uint64_t count, const char* what) {
  if (count <= max_segment_postings) return;
  throw error(errc::payload_too_large, "a segment of " + std::to_string(count) + " " + what + "; at most " +
                                           std::to_string(max_segment_postings) + " fit into one");
}

void segment_header::lay_out(uint64_t metadata_length) {
  require_storable(num_postings, "postings");
  require_storable(num_documents, "documents");
  const bool has_counts = version >= first_version_with_counts;
  const uint64_t lengths[num_sections] = {
      has_counts ? bucket_directory::num_samples(split.bucket_bits) * sizeof(uint64_t)
                 : (split.num_buckets() + 1) * sizeof(uint32_t),
      packed_section(num_postings, split.tail_bits + id_bits()),
      packed_section(num_documents, id_bits()),
      packed_section(num_documents, 1),
      packed_section(num_documents, commit_bits()),
      metadata_length,
      has_counts ? bucket_directory::count_bytes(split.bucket_bits, num_postings) : 0,
  };
  uint64_t offset = segment_header_bytes;
  for (size_t i = 0; i < num_sections; i++) {
    sections[i].offset = offset;
    sections[i].length = lengths[i];
    offset = sections[i].end();
  }
}

void encode_header(const segment_header& header, header_page& out) noexcept {
  out.fill(std::byte{0});
  std::memcpy(out.data() + at_magic, segment_magic.data(), segment_magic.size());
  put(out, at_version, header.version);
  const size_t num = num_sections_of(header.version);
  put(out, at_num_sections, static_cast<uint32_t>(num));
  put(out, at_num_bytes, header.num_bytes());
  put(out, at_first_commit, header.first_commit);
  put(out, at_last_commit, header.last_commit);
  put(out, at_num_postings, header.num_postings);
  put(out, at_num_documents, header.num_documents);
  put(out, at_num_tombstones, header.num_tombstones);
  put(out, at_min_document, header.min_document);
  put(out, at_max_document, header.max_document);
  put(out, at_hash_mask, header.hash_mask);
  put(out, at_shift, header.split.shift);
  put(out, at_bucket_bits, header.split.bucket_bits);
  put(out, at_tail_bits, header.split.tail_bits);
  put(out, at_id_bits, static_cast<uint8_t>(header.id_bits()));
  put(out, at_commit_bits, static_cast<uint8_t>(header.commit_bits()));
  for (size_t i = 0; i < num; i++) {
    const size_t at = section_entry_offset(i);
    put(out, at, static_cast<uint32_t>(i + 1));
    put(out, at + 8, header.sections[i].offset);
    put(out, at + 16, header.sections[i].length);
    put(out, at + 24, header.sections[i].checksum);
  }
  put(out, at_previous_commit, header.previous_commit);
  put(out, at_first_part, header.first_part);
  put(out, at_last_part, header.last_part);
  put(out, at_checksum, checksum(std::span<const std::byte>(out).first(at_checksum)));
}

segment_header decode_header(std::span<const std::byte, segment_header_bytes> page, uint64_t file_bytes,
                             const std::string& name) {
  if (std::memcmp(page.data() + at_magic, segment_magic.data(), segment_magic.size()) != 0) {
    corrupt(name, at_magic, "not a segment file (wrong magic)");
  }
  const uint64_t stored = get<uint64_t>(page, at_checksum), computed = checksum(page.first(at_checksum));
  if (stored != computed) {
    corrupt(name, at_checksum,
            "checksum mismatch, stored " + to_hex16(stored) + ", computed " + to_hex16(computed));
  }
  const auto version = get<uint32_t>(page, at_version);
  if (version < oldest_segment_format_version || version > segment_format_version) {
    throw error(errc::unsupported_format, name + ": file format " + std::to_string(version) +
                                              ", this build reads " +
                                              std::to_string(oldest_segment_format_version) + " to " +
                                              std::to_string(segment_format_version));
  }
  if (const auto bytes = get<uint64_t>(page, at_num_bytes); bytes != file_bytes) {
    corrupt(name, at_num_bytes,
            "written with " + std::to_string(bytes) + " bytes, but there are " + std::to_string(file_bytes));
  }
  const auto require = [&](bool holds, size_t offset, const char* what) {
    if (!holds) corrupt(name, offset, what);
  };
  const size_t num = num_sections_of(version);
  require(get<uint32_t>(page, at_num_sections) == num, at_num_sections, "wrong number of sections");
  segment_header h;
  h.version = version;
  h.first_commit = get<uint64_t>(page, at_first_commit);
  h.last_commit = get<uint64_t>(page, at_last_commit);
  require(h.last_commit <= max_commit_id, at_last_commit, "a last commit that none could follow");
  if (version >= first_version_with_jumps) {
    h.previous_commit = get<uint64_t>(page, at_previous_commit);
    h.first_part = get<uint32_t>(page, at_first_part);
    h.last_part = get<uint32_t>(page, at_last_part);
  } else {
    require(h.first_commit >= 1, at_first_commit, "impossible commit range");
    h.previous_commit = h.first_commit - 1;
  }
  const commit_range range{h.previous_commit, h.first_commit, h.last_commit, h.first_part, h.last_part};
  require(range.is_possible(), at_first_commit, "impossible commit range");
  require((version >= first_version_with_jumps || h.commit_bits() <= max_packed_commit_bits) &&
              get<uint8_t>(page, at_commit_bits) == h.commit_bits(),
          at_commit_bits, "commit bits do not fit the commit range");
  h.num_postings = get<uint64_t>(page, at_num_postings);
  require(h.num_postings <= max_segment_postings, at_num_postings, "too many postings");
  h.num_documents = get<uint64_t>(page, at_num_documents);
  h.num_tombstones = get<uint64_t>(page, at_num_tombstones);
  h.min_document = get<uint32_t>(page, at_min_document);
  h.max_document = get<uint32_t>(page, at_max_document);
  require(h.min_document <= h.max_document, at_min_document, "impossible range of document ids");
  if (h.num_documents == 0) {
    require(h.max_document == 0, at_max_document, "document ids without documents");
    require(h.num_postings == 0, at_num_postings, "postings without documents");
  } else {
    require(h.min_document > 0, at_min_document, "document id 0");
    require(h.num_documents <= uint64_t{h.max_document} - h.min_document + 1, at_num_documents,
            "more documents than document ids");
  }
  require(h.num_tombstones <= h.num_documents, at_num_tombstones, "more tombstones than documents");
  h.hash_mask = get<uint32_t>(page, at_hash_mask);
  h.split.shift = get<uint8_t>(page, at_shift);
  h.split.bucket_bits = get<uint8_t>(page, at_bucket_bits);
  h.split.tail_bits = get<uint8_t>(page, at_tail_bits);
  require(h.split.bucket_bits <= max_bucket_bits && h.split.tail_bits <= hash_split::max_tail_bits &&
              h.split.shift <= 31 && h.split.shift + h.split.bucket_bits + h.split.tail_bits <= 32 &&
              h.split.holds(h.hash_mask),
          at_shift, "impossible hash split");
  require(get<uint8_t>(page, at_id_bits) == h.id_bits(), at_id_bits, "id bits do not fit the range of ids");
  const size_t at_metadata = section_entry_offset(static_cast<size_t>(section_kind::metadata) - 1);
  const auto metadata_length = get<uint64_t>(page, at_metadata + 16);
  require(metadata_length <= file_bytes, at_metadata, "section metadata reaches past the end");
  h.lay_out(metadata_length);
  for (size_t i = 0; i < num; i++) {
    const size_t at = section_entry_offset(i);
    require(get<uint32_t>(page, at) == i + 1 && get<uint32_t>(page, at + 4) == 0 &&
                get<uint64_t>(page, at + 8) == h.sections[i].offset &&
                get<uint64_t>(page, at + 16) == h.sections[i].length,
            at, "section table does not fit the counts");
    h.sections[i].checksum = get<uint64_t>(page, at + 24);
  }
  require(h.num_bytes() == file_bytes, at_num_bytes, "sections do not fill the file");
  return h;
}

segment_info make_info(const segment_header& header,
                       std::span<const std::byte, segment_header_bytes> page) noexcept {
  segment_info info;
  info.previous_commit = header.previous_commit;
  info.first_commit = header.first_commit;
  info.last_commit = header.last_commit;
  info.first_part = header.first_part;
  info.last_part = header.last_part;
  info.num_postings = header.num_postings;
  info.num_documents = header.num_documents;
  info.num_tombstones = header.num_tombstones;
  info.min_document = header.min_document;
  info.max_document = header.max_document;
  info.num_bytes = header.num_bytes();
  info.checksum = get<uint64_t>(page, at_checksum);
  return info;
}

}  // namespace fp
