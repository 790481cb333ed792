#include "core/commit/changes.hpp"

#include <utility>

#include "core/base/error.hpp"

namespace fp {

namespace {

constexpr size_t header_bytes = 3 * sizeof(uint32_t);

constexpr size_t padded(size_t bytes) noexcept { return (bytes + 3) & ~size_t{3}; }

[[noreturn]] void malformed(size_t offset, const char* what) {
  throw error(errc::bad_request, "changes: " + std::string(what) + " at offset " + std::to_string(offset));
}

}  // namespace

void changes_encoder::begin_record(change_kind kind, uint32_t a, uint32_t b) {
  const uint32_t header[3] = {static_cast<uint32_t>(kind), a, b};
  const auto* p = reinterpret_cast<const uint8_t*>(header);
  bytes_.insert(bytes_.end(), p, p + sizeof header);
  count_++;
}

void changes_encoder::insert(document_id id, std::span<const hash_value> hashes) {
  begin_record(change_kind::insert, id, static_cast<uint32_t>(hashes.size()));
  const auto* p = reinterpret_cast<const uint8_t*>(hashes.data());
  bytes_.insert(bytes_.end(), p, p + hashes.size_bytes());
}

void changes_encoder::erase(document_id id) { begin_record(change_kind::erase, id, 0); }

void changes_encoder::set_metadata(std::string_view key, std::string_view value) {
  begin_record(change_kind::set_metadata, static_cast<uint32_t>(key.size()), static_cast<uint32_t>(value.size()));
  bytes_.insert(bytes_.end(), key.begin(), key.end());
  bytes_.insert(bytes_.end(), value.begin(), value.end());
  bytes_.resize(padded(bytes_.size()));
}

void changes_encoder::remove_metadata(std::string_view key) {
  begin_record(change_kind::remove_metadata, static_cast<uint32_t>(key.size()), 0);
  bytes_.insert(bytes_.end(), key.begin(), key.end());
  bytes_.resize(padded(bytes_.size()));
}

bool changes_reader::next(change_view& out) {
  if (at_ == bytes_.size()) return false;
  if (bytes_.size() - at_ < header_bytes) malformed(at_, "truncated record");
  uint32_t header[3];
  std::memcpy(header, bytes_.data() + at_, sizeof header);
  const uint64_t left = bytes_.size() - at_ - header_bytes;
  const std::span<const uint8_t> body = bytes_.subspan(at_ + header_bytes);
  uint64_t length = 0;
  out = {};
  switch (header[0]) {
    case static_cast<uint32_t>(change_kind::insert):
      length = uint64_t{header[2]} * sizeof(hash_value);
      if (length > left) malformed(at_, "hashes reach past the end");
      out.kind = change_kind::insert;
      out.id = header[1];
      out.hash_bytes = std::as_bytes(body.first(length));
      break;
    case static_cast<uint32_t>(change_kind::erase):
      if (header[2] != 0) malformed(at_, "a delete with a body");
      out.kind = change_kind::erase;
      out.id = header[1];
      break;
    case static_cast<uint32_t>(change_kind::remove_metadata):
      if (header[2] != 0) malformed(at_, "a removal with a value");
      [[fallthrough]];
    case static_cast<uint32_t>(change_kind::set_metadata): {
      const uint64_t text = uint64_t{header[1]} + header[2];
      length = (text + 3) & ~uint64_t{3};
      if (length > left) malformed(at_, "metadata reaches past the end");
      for (uint64_t i = text; i < length; i++) {
        if (body[i] != 0) malformed(at_, "padding is not zero");
      }
      out.kind = static_cast<change_kind>(header[0]);
      const auto* chars = reinterpret_cast<const char*>(body.data());
      out.key = {chars, header[1]};
      out.value = {chars + header[1], header[2]};
      break;
    }
    default:
      malformed(at_, "unknown kind of change");
  }
  at_ += header_bytes + length;
  return true;
}

changes_summary validate_changes(std::span<const uint8_t> bytes, const changes_limits& limits) {
  if (bytes.size() > limits.max_bytes) {
    throw error(errc::payload_too_large, "an update of " + std::to_string(bytes.size()) + " bytes; at most " +
                                             std::to_string(limits.max_bytes) + " are allowed");
  }
  changes_summary summary;
  changes_reader reader(bytes);
  change_view change;
  while (reader.next(change)) {
    summary.num_changes++;
    if (change.kind == change_kind::set_metadata || change.kind == change_kind::remove_metadata) {
      if (change.key.empty()) throw error(errc::bad_request, "a metadata key is empty");
      if (change.key.size() + change.value.size() > limits.max_metadata_bytes) {
        throw error(errc::payload_too_large,
                    "a metadata entry of " + std::to_string(change.key.size() + change.value.size()) +
                        " bytes; at most " + std::to_string(limits.max_metadata_bytes) + " are allowed");
      }
      continue;
    }
    if (change.id == 0) {
      throw error(errc::invalid_document_id,
                  "change " + std::to_string(summary.num_changes) + ": document id 0; ids are 1 to 4294967295");
    }
    if (change.kind == change_kind::erase) continue;
    const auto document = [&] { return "document " + std::to_string(change.id) + ": "; };
    if (change.num_hashes() == 0 && !limits.allow_empty_fingerprints) {
      throw error(errc::empty_fingerprint, document() + "no hashes");
    }
    if (change.num_hashes() > limits.max_hashes_per_document) {
      throw error(errc::payload_too_large, document() + std::to_string(change.num_hashes()) + " hashes; at most " +
                                               std::to_string(limits.max_hashes_per_document) + " are allowed");
    }
    summary.num_inserts++;
    summary.num_hashes += change.num_hashes();
  }
  return summary;
}

}  // namespace fp
