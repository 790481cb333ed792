#include "core/fpindex/change_decoder.hpp"

#include <algorithm>

#include "core/commit/changes.hpp"

namespace fp::fpindex {

namespace {

constexpr size_t max_string = size_t{64} << 20;
constexpr size_t piece_bytes = size_t{4} << 20;

class decoder {
 public:
  explicit decoder(message_pack_reader& in) : in_(in) {}

  decoded_changes read() {
    for (uint32_t left = in_.array_header(); left > 0; left--) {
      read_change();
      if (encoder_.bytes().size() >= piece_bytes) out_.pieces.push_back(encoder_.take());
    }
    if (encoder_.count() > 0) out_.pieces.push_back(encoder_.take());
    return std::move(out_);
  }

 private:
  void read_change() {
    const uint64_t at = in_.offset();
    if (in_.map_header() != 1) in_.fail_at(at, "a change that is not exactly one");
    switch (in_.field()) {
      case 'i':
        return read_insert();
      case 'd':
        return read_delete();
      case 's':
        return read_metadata();
      default:
        in_.fail_at(at, "a change of an unknown kind");
    }
  }

  void read_insert() {
    const uint64_t at = in_.offset();
    document_id id = 0;
    bool has_hashes = false;
    for (uint32_t left = in_.map_header(); left > 0; left--) {
      const uint64_t field_at = in_.offset();
      const char field = in_.field();
      if (field == 'i') {
        id = in_.number32();
      } else if (field == 'h') {
        hashes_.clear();
        for (uint32_t count = in_.array_header(); count > 0; count--) hashes_.push_back(in_.number32());
        has_hashes = true;
      } else {
        in_.fail_at(field_at, "an unknown field of an insert");
      }
    }
    if (!has_hashes) in_.fail_at(at, "an insert without hashes");
    require_id(id, at);
    encoder_.insert(id, hashes_);
    std::sort(hashes_.begin(), hashes_.end());
    out_.documents.emplace_back(id, std::adjacent_find(hashes_.begin(), hashes_.end()) != hashes_.end());
  }

  void read_delete() {
    const uint64_t at = in_.offset();
    document_id id = 0;
    for (uint32_t left = in_.map_header(); left > 0; left--) {
      const uint64_t field_at = in_.offset();
      if (in_.field() != 'i') in_.fail_at(field_at, "an unknown field of a delete");
      id = in_.number32();
    }
    require_id(id, at);
    encoder_.erase(id);
    out_.documents.emplace_back(id, false);
  }

  void read_metadata() {
    for (uint32_t fields = in_.map_header(); fields > 0; fields--) {
      const uint64_t at = in_.offset();
      if (in_.field() != 'e') in_.fail_at(at, "an unknown field of metadata");
      for (uint32_t left = in_.array_header(); left > 0; left--) read_entry();
    }
  }

  void read_entry() {
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
    encoder_.set_metadata(key, value);
  }

  void require_id(document_id id, uint64_t at) const {
    if (id == 0) in_.fail_at(at, "a change of document 0, or of none");
  }

  message_pack_reader& in_;
  changes_encoder encoder_;
  std::vector<hash_value> hashes_;
  decoded_changes out_;
};

}  // namespace

decoded_changes decode_changes(message_pack_reader& in) { return decoder(in).read(); }

}  // namespace fp::fpindex
