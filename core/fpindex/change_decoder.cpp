#include "core/fpindex/change_decoder.hpp"

#include <algorithm>

namespace fp::fpindex {

namespace {

constexpr size_t max_string = size_t{64} << 20;
constexpr size_t piece_bytes = size_t{4} << 20;

}  // namespace

void change_decoder::read(changes_encoder& out) {
  const uint64_t at = in_.offset();
  hashes_.clear();
  id_ = 0;
  if (in_.map_header() != 1) in_.fail_at(at, "a change that is not exactly one");
  switch (in_.field()) {
    case 'i':
      return read_insert(out);
    case 'd':
      return read_delete(out);
    case 's':
      return read_metadata(out);
    default:
      in_.fail_at(at, "a change of an unknown kind");
  }
}

void change_decoder::read_insert(changes_encoder& out) {
  const uint64_t at = in_.offset();
  bool has_hashes = false;
  for (uint32_t left = in_.map_header(); left > 0; left--) {
    const uint64_t field_at = in_.offset();
    const char field = in_.field();
    if (field == 'i') {
      id_ = in_.number32();
    } else if (field == 'h') {
      hashes_.clear();
      for (uint32_t count = in_.array_header(); count > 0; count--) hashes_.push_back(in_.number32());
      has_hashes = true;
    } else {
      in_.fail_at(field_at, "an unknown field of an insert");
    }
  }
  if (!has_hashes) in_.fail_at(at, "an insert without hashes");
  require_id(at);
  out.insert(id_, hashes_);
}

void change_decoder::read_delete(changes_encoder& out) {
  const uint64_t at = in_.offset();
  for (uint32_t left = in_.map_header(); left > 0; left--) {
    const uint64_t field_at = in_.offset();
    if (in_.field() != 'i') in_.fail_at(field_at, "an unknown field of a delete");
    id_ = in_.number32();
  }
  require_id(at);
  out.erase(id_);
}

void change_decoder::read_metadata(changes_encoder& out) {
  const uint64_t at = in_.offset();
  bool has_entries = false;
  std::vector<std::pair<std::string, std::string>> entries;
  for (uint32_t fields = in_.map_header(); fields > 0; fields--) {
    const uint64_t field_at = in_.offset();
    if (in_.field() != 'e') in_.fail_at(field_at, "an unknown field of metadata");
    entries.clear();
    for (uint32_t left = in_.array_header(); left > 0; left--) entries.push_back(read_entry());
    has_entries = true;
  }
  if (!has_entries) in_.fail_at(at, "metadata without entries");
  for (const auto& [key, value] : entries) out.set_metadata(key, value);
}

std::pair<std::string, std::string> change_decoder::read_entry() {
  const uint64_t at = in_.offset();
  std::string key, value;
  bool has_key = false, has_value = false;
  for (uint32_t left = in_.map_header(); left > 0; left--) {
    const uint64_t field_at = in_.offset();
    const char field = in_.field();
    if (field != 'k' && field != 'v') in_.fail_at(field_at, "an unknown field of a metadata entry");
    (field == 'k' ? key : value) = in_.string(max_string);
    (field == 'k' ? has_key : has_value) = true;
  }
  if (!has_key || !has_value) in_.fail_at(at, "a metadata entry without key or value");
  return {std::move(key), std::move(value)};
}

void change_decoder::require_id(uint64_t at) const {
  if (id_ == 0) in_.fail_at(at, "a change of document 0, or of none");
}

decoded_changes decode_changes(message_pack_reader& in) {
  decoded_changes result;
  change_decoder decoder(in);
  changes_encoder encoder;
  std::vector<hash_value> sorted;
  for (uint32_t left = in.array_header(); left > 0; left--) {
    decoder.read(encoder);
    if (decoder.id() != 0) {
      sorted = decoder.hashes();
      std::sort(sorted.begin(), sorted.end());
      result.documents.emplace_back(decoder.id(), std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end());
    }
    if (encoder.bytes().size() >= piece_bytes) result.pieces.push_back(encoder.take());
  }
  if (encoder.count() > 0) result.pieces.push_back(encoder.take());
  return result;
}

}  // namespace fp::fpindex
