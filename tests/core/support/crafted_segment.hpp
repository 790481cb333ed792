#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/checksum.hpp"
#include "core/segment/segment_writer.hpp"
#include "tests/core/support/backup_streams.hpp"

namespace fp::test {

struct crafted_document {
  document_id id = 0;
  commit_id commit = 0;
  bool deleted = false;
};

/// The bytes of a segment whose checksums hold, whatever it says. Counts and the range of ids are filled in.
inline byte_vector craft_segment(segment_shape shape, const std::vector<posting>& postings = {},
                                 const std::vector<crafted_document>& states = {}) {
  const aligned_memory memory = write_segment(shape, postings, states);
  return {memory.bytes().begin(), memory.bytes().end()};
}

/// An empty segment of some commits.
inline byte_vector craft_segment(commit_id first, commit_id last) {
  segment_shape shape;
  shape.first_commit = first;
  shape.last_commit = last;
  return craft_segment(shape);
}

/// Makes two stored postings change places, and the checksums right again.
inline void exchange_postings(byte_vector& segment, size_t a, size_t b) {
  header_page page;
  std::copy_n(segment.begin(), page.size(), page.begin());
  segment_header header = decode_header(page, segment.size(), "crafted");
  section_location& place = header.section(section_kind::postings);
  const unsigned width = header.split.tail_bits + header.id_bits();
  std::byte* const at = segment.data() + place.offset;
  std::vector<uint64_t> entries;
  for (uint64_t i = 0; i < header.num_postings; i++) entries.push_back(packed_array(at, width)[i]);
  std::swap(entries.at(a), entries.at(b));
  bit_packer packer(at, width);
  for (const uint64_t entry : entries) packer.put(entry);
  place.checksum = checksum(std::span<const std::byte>(segment).subspan(place.offset, place.end() - place.offset));
  encode_header(header, page);
  std::copy(page.begin(), page.end(), segment.begin());
}

}  // namespace fp::test
