#include "core/fpindex/oplog_reader.hpp"

#include <zlib.h>

#include <algorithm>
#include <utility>

#include "core/base/checksum.hpp"
#include "core/base/little_endian.hpp"
#include "core/base/located_error.hpp"
#include "core/fpindex/change_decoder.hpp"

namespace fp::fpindex {

namespace {

constexpr size_t frame_header_bytes = 8;
constexpr uint32_t max_payload_bytes = 64u << 20;
// A file is rotated at 16 MiB; the record that makes it so large is the last.
constexpr uint64_t max_file_bytes = (uint64_t{16} << 20) + max_payload_bytes + frame_header_bytes;
constexpr std::string_view xlog_suffix = ".xlog";

/// Whether a payload may begin like this: the first field of a map of two or three, by its letter.
bool looks_like_payload(std::span<const std::byte> bytes) {
  const auto letter = std::to_integer<char>(bytes[2]);
  return (bytes[0] == std::byte{0x82} || bytes[0] == std::byte{0x83}) && bytes[1] == std::byte{0xa1} &&
         (letter == 'i' || letter == 'v' || letter == 'c');
}

std::string commits_text(uint64_t first, uint64_t last) {
  if (first == last) return "commit " + std::to_string(first);
  return "commits " + std::to_string(first) + " to " + std::to_string(last);
}

}  // namespace

oplog_reader::oplog_reader(file_system& fs, path folder, uint64_t last_in_files, bool salvage)
    : fs_(fs),
      folder_(std::move(folder)),
      salvage_(salvage),
      last_in_files_(last_in_files),
      needed_(last_in_files + 1) {
  if (!fs_.exists(folder_)) return;
  for (const std::string& name : fs_.list(folder_)) {
    if (!name.ends_with(xlog_suffix) || !parse_hex16(name.substr(0, name.size() - xlog_suffix.size()))) continue;
    files_.push_back(name);
    bytes_total_ += fs_.file_size(folder_ / name);
  }
}

std::string oplog_reader::place_of(uint64_t offset) const {
  return current_.string() + ": offset " + std::to_string(offset);
}

void oplog_reader::refuse(uint64_t offset, const std::string& what) const {
  throw located_error(errc::corrupt_data, place_of(offset) + ": " + what, offset);
}

bool oplog_reader::open_next_file() {
  if (file_ == files_.size()) return false;
  bytes_before_ += at_;
  at_ = 0;
  current_ = folder_ / files_[file_++];
  const auto file = fs_.open(current_);
  const uint64_t size = file->size();
  if (size > max_file_bytes) refuse(max_file_bytes, "larger than any log file that fpindex writes");
  bytes_.resize(size);
  if (file->read_at(0, bytes_) != size) refuse(0, "has been cut meanwhile");
  return true;
}

oplog_reader::frame oplog_reader::frame_at(uint64_t offset) const {
  const auto bytes = std::span(bytes_).subspan(offset);
  if (bytes.size() < frame_header_bytes) return {{}, "ends within a record"};
  const auto length = get<uint32_t>(bytes, 0);
  if (length == 0 || length > max_payload_bytes) return {{}, "a record of an impossible length"};
  if (length > bytes.size() - frame_header_bytes) return {{}, "ends within a record"};
  const auto payload = bytes.subspan(frame_header_bytes, length);
  const auto crc = crc32(0, reinterpret_cast<const Bytef*>(payload.data()), length);
  if (crc != get<uint32_t>(bytes, 4)) return {{}, "a record whose checksum is another"};
  return {payload, nullptr};
}

uint64_t oplog_reader::find_record(uint64_t from) const {
  for (uint64_t at = from; at + frame_header_bytes + 3 <= bytes_.size(); at++) {
    if (!looks_like_payload(std::span(bytes_).subspan(at + frame_header_bytes))) continue;
    if (frame_at(at).damage == nullptr) return at;
  }
  return bytes_.size();
}

void oplog_reader::decode(std::span<const std::byte> payload, uint64_t offset, logged_commit& out) {
  out = {};
  out.place = place_of(offset);
  message_pack_reader in(current_.string(), payload, offset + frame_header_bytes);
  bool has_changes = false;
  decoded_changes changes;
  for (uint32_t left = in.map_header(); left > 0; left--) {
    const uint64_t field_at = in.offset();
    const char field = in.field();
    if (field == 'i') {
      out.id = in.number(max_commit_id);
    } else if (field == 'v') {
      out.version = in.number_or_nil();
    } else if (field == 'c') {
      changes = decode_changes(in);
      has_changes = true;
    } else {
      in.fail_at(field_at, "an unknown field of a commit");
    }
  }
  if (out.id == 0 || !has_changes) in.fail_at(offset, "a commit without id or changes");
  if (out.version && *out.version > max_commit_id) in.fail_at(offset, "an impossible version");
  out.changes = std::move(changes.pieces);
  if (out.id < needed_) return;
  for (const auto& [id, repeats] : changes.documents) {
    if (repeats) {
      repeating_.add(id);
    } else if (!repeating_.isEmpty()) {
      repeating_.remove(id);
    }
  }
}

void oplog_reader::note_damage(uint64_t offset, const std::string& why) {
  if (!damage_) damage_ = place_of(offset) + ": " + why;
  notes_.push_back(place_of(offset) + ": " + why);
}

bool oplog_reader::next(logged_commit& out) {
  for (;;) {
    while (at_ == bytes_.size()) {
      if (!open_next_file()) return false;
    }
    const uint64_t offset = at_;
    const frame record = frame_at(offset);
    if (record.damage != nullptr) {
      note_damage(offset, record.damage);
      at_ = find_record(offset + 1);
      continue;
    }
    at_ += frame_header_bytes + record.payload.size();
    try {
      decode(record.payload, offset, out);
    } catch (const error& e) {
      // It is what was written: no crash has cut it.
      if (!salvage_ || e.code() != errc::corrupt_data) throw;
      if (!damage_) damage_ = e.what();
      losses_.push_back(e.what());
      continue;
    }
    if (out.id < needed_) {
      if (out.id <= last_in_files_) continue;
      const auto what = "commit " + std::to_string(out.id) + " comes a second time";
      if (!salvage_) refuse(offset, what);
      losses_.push_back(place_of(offset) + ": " + what);
      continue;
    }
    if (out.id > needed_) {
      auto what = commits_text(needed_, out.id - 1) + (out.id - needed_ == 1 ? " is missing" : " are missing");
      if (damage_) what += ", there is damage before: " + *damage_;
      if (!salvage_) refuse(offset, what);
      losses_.push_back(place_of(offset) + ": " + what);
    }
    needed_ = out.id + 1;
    num_commits_++;
    if (damage_) num_hidden_++;
    return true;
  }
}

}  // namespace fp::fpindex
