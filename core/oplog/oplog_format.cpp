#include "core/oplog/oplog_format.hpp"

#include <algorithm>
#include <cstring>

#include "core/base/checksum.hpp"
#include "core/base/format_version.hpp"
#include "core/base/little_endian.hpp"
#include "core/base/split_mix.hpp"

namespace fp::oplog_format {

namespace {

constexpr char log_magic[] = "FPOPLOG1";
constexpr char seal_magic[] = "FPOPSEAL";
constexpr std::string_view log_suffix = ".log";
constexpr uint32_t blank_sector_flag = uint32_t{1} << 31;
constexpr int min_written_bytes = 4;

/// Magic, version and the reserved word, which log files and seals have in common.
void put_preamble(std::span<std::byte> out, const char* magic) noexcept {
  std::memcpy(out.data(), magic, 8);
  put<uint32_t>(out, 8, version);
  put<uint32_t>(out, 12, 0);
}

/// `bytes` is the header's size; its last 8 bytes are the checksum of those before.
header_state check_preamble(std::span<const std::byte> in, const char* magic, size_t bytes) noexcept {
  if (in.size() < bytes || std::memcmp(in.data(), magic, 8) != 0) return header_state::invalid;
  if (get<uint64_t>(in, bytes - 8) != checksum(in.first(bytes - 8))) return header_state::invalid;
  if (const auto v = get<uint32_t>(in, 8); v < oldest_version || v > version) return header_state::unknown_version;
  return get<uint32_t>(in, 12) == 0 ? header_state::valid : header_state::invalid;
}

bool all_zero(std::span<const std::byte> bytes) noexcept {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

constexpr uint64_t next_sector(uint64_t offset) noexcept {
  return offset / sector_bytes * sector_bytes + sector_bytes;
}

/// Calls `test` with the parts of a frame in each sector after its header's; true when one of the calls is.
template <class F>
bool any_sector_part(uint64_t offset, std::span<const std::byte> frame, F&& test) {
  for (uint64_t at = next_sector(offset) - offset; at < frame.size(); at += sector_bytes) {
    if (test(frame.subspan(at, std::min<uint64_t>(sector_bytes, frame.size() - at)))) return true;
  }
  return false;
}

}  // namespace

std::string file_name(commit_id begin) { return to_hex16(begin) + std::string(log_suffix); }

std::optional<commit_id> parse_file_name(std::string_view name) noexcept {
  if (!name.ends_with(log_suffix)) return std::nullopt;
  const auto begin = parse_hex16(name.substr(0, name.size() - log_suffix.size()));
  if (!begin || *begin == 0 || *begin > max_commit_id) return std::nullopt;
  return begin;
}

void encode_file_header(commit_id begin, std::span<std::byte> out) noexcept {
  put_preamble(out, log_magic);
  put<uint64_t>(out, 16, begin);
  put<uint64_t>(out, 24, checksum(out.first(24)));
}

header_state decode_file_header(std::span<const std::byte> in, commit_id& begin, uint32_t& file_version) noexcept {
  const header_state state = check_preamble(in, log_magic, file_header_bytes);
  if (state != header_state::invalid) file_version = get<uint32_t>(in, 8);
  if (state == header_state::valid) begin = get<uint64_t>(in, 16);
  return state;
}

void encode_frame_header(const frame_header& header, std::span<std::byte> out) noexcept {
  put<uint32_t>(out, 0, header.payload_bytes);
  put<uint32_t>(out, 4, header.num_commits | (header.has_blank_sector ? blank_sector_flag : 0));
  put<uint64_t>(out, 8, header.begin);
  put<uint64_t>(out, 16, header.payload_checksum);
  put<uint64_t>(out, 24, checksum(out.first(24)));
}

bool decode_frame_header(std::span<const std::byte> in, frame_header& header) noexcept {
  if (in.size() < frame_header_bytes || get<uint64_t>(in, 24) != checksum(in.first(24))) return false;
  header.payload_bytes = get<uint32_t>(in, 0);
  header.num_commits = get<uint32_t>(in, 4) & ~blank_sector_flag;
  header.has_blank_sector = (get<uint32_t>(in, 4) & blank_sector_flag) != 0;
  header.begin = get<uint64_t>(in, 8);
  header.payload_checksum = get<uint64_t>(in, 16);
  return true;
}

std::byte* put_commit(const commit& c, std::byte* out) noexcept {
  const auto length = static_cast<uint32_t>(c.changes->size());
  std::memcpy(out, &length, sizeof length);
  std::memcpy(out + sizeof length, &c.id, sizeof c.id);
  out += commit_header_bytes(version);
  return std::copy_n(reinterpret_cast<const std::byte*>(c.changes->data()), length, out);
}

bool payload_reader::next(commit_view& out) noexcept {
  if (fault_ != nullptr || offset_ == payload_.size()) return false;
  const auto rest = payload_.subspan(offset_);
  const size_t header_bytes = commit_header_bytes(file_version_);
  if (rest.size() < header_bytes) return fail("a frame ends inside a commit");
  // Behind the last commit that there can be is none, whatever the payload says.
  const commit_id id = file_version_ < first_version_with_ids ? last_ + 1 : get<uint64_t>(rest, sizeof(uint32_t));
  if (id <= last_) return fail("a commit that does not ascend");
  if (id > max_commit_id) return fail("a commit that none could follow");
  const auto length = get<uint32_t>(rest, 0);
  if (rest.size() - header_bytes < length) return fail("a commit reaches past its frame's end");
  out = {last_, id, {reinterpret_cast<const uint8_t*>(rest.data() + header_bytes), length}};
  last_ = id;
  offset_ += header_bytes + length;
  return true;
}

bool has_blank_sector(uint64_t offset, std::span<const std::byte> frame) noexcept {
  return any_sector_part(offset, frame, [](std::span<const std::byte> part) {
    int written = 0;
    for (size_t i = 0; i < part.size() && written < min_written_bytes; i++) written += part[i] != std::byte{0};
    return written < min_written_bytes;
  });
}

void mask_frame(const frame_header& header, std::span<std::byte> frame) noexcept {
  uint64_t state = header.payload_checksum;
  for (size_t i = frame_header_bytes; i + sizeof state <= frame.size(); i += sizeof state) {
    put<uint64_t>(frame, i, get<uint64_t>(frame, i) ^ next_split_mix(state));
  }
}

std::span<const std::byte> payload_of(const frame_header& header, std::span<const std::byte> frame,
                                      uint32_t file_version, std::vector<std::byte>& room) {
  const size_t bytes = std::min<size_t>(frame.size() - frame_header_bytes, header.payload_bytes);
  if (is_masked(header, file_version)) {
    room.assign(frame.begin(), frame.begin() + std::min<uint64_t>(frame.size(), header.frame_bytes()));
    mask_frame(header, room);
    frame = room;
  }
  return frame.subspan(frame_header_bytes, bytes);
}

bool is_torn_header(std::span<const std::byte> file) noexcept {
  return file.size() < file_header_bytes || (file.size() == file_header_bytes && all_zero(file));
}

bool is_torn(std::span<const std::byte> file, size_t at, uint32_t file_version) noexcept {
  const auto rest = file.subspan(at);
  frame_header header;
  if (rest.size() < frame_header_bytes) return true;
  if (decode_frame_header(rest, header)) {
    if (header.frame_bytes() > rest.size()) return true;
    const bool zeros_prove_it = !header.has_blank_sector || file_version >= first_version_with_masks;
    return header.frame_bytes() == rest.size() && zeros_prove_it && any_sector_part(at, rest, all_zero);
  }
  if (!all_zero(rest.first(std::min<uint64_t>(next_sector(at) - at, rest.size())))) return false;
  for (size_t i = frame_alignment; i < rest.size(); i += frame_alignment) {
    if (decode_frame_header(rest.subspan(i), header)) return false;
  }
  return true;
}

void encode_seal(const seal& s, std::span<std::byte> out) noexcept {
  put_preamble(out, seal_magic);
  put<uint64_t>(out, 16, s.last_commit);
  put<uint64_t>(out, 24, s.newest_file);
  put<uint64_t>(out, 32, s.newest_bytes);
  put<uint64_t>(out, 40, checksum(out.first(40)));
}

std::string unknown_version_text(uint32_t file_version) {
  return fp::unknown_version_text(file_version, oldest_version, version);
}

header_state decode_seal(std::span<const std::byte> in, seal& s, uint32_t& file_version) noexcept {
  if (in.size() != seal_bytes) return header_state::invalid;
  const header_state state = check_preamble(in, seal_magic, seal_bytes);
  if (state != header_state::invalid) file_version = get<uint32_t>(in, 8);
  if (state == header_state::valid) {
    s.last_commit = get<uint64_t>(in, 16);
    s.newest_file = get<uint64_t>(in, 24);
    s.newest_bytes = get<uint64_t>(in, 32);
  }
  return state;
}

}  // namespace fp::oplog_format
