#include "core/fpindex/snapshot_header.hpp"

#include <algorithm>
#include <optional>
#include <string>

namespace fp::fpindex {

namespace {

constexpr uint64_t stream_format = 1;
constexpr size_t file_piece_bytes = size_t{256} << 10;
/// Of a few bytes each; an index has some dozen.
constexpr uint32_t max_files = uint32_t{1} << 20;

snapshot_header::file read_file_entry(message_pack_reader& in) {
  const uint64_t begin = in.offset();
  std::optional<segment_info> info;
  std::optional<uint64_t> num_bytes;
  for (uint32_t left = in.map_header(); left > 0; left--) {
    switch (in.field()) {
      case 'i':
        info = read_segment_info(in);
        break;
      case 's':
        num_bytes = in.number();
        break;
      default:
        in.skip();
    }
  }
  if (!info || !num_bytes) in.fail_at(begin, "a segment's entry without \"i\" or \"s\"");
  return {*info, *num_bytes};
}

std::vector<snapshot_header::file> read_files(message_pack_reader& in) {
  const uint64_t begin = in.offset();
  const uint32_t count = in.array_header();
  if (count > max_files)
    in.fail_at(begin, std::to_string(count) + " segments, at most " + std::to_string(max_files));
  std::vector<snapshot_header::file> files;
  for (uint32_t i = 0; i < count; i++) {
    const uint64_t entry = in.offset();
    files.push_back(read_file_entry(in));
    if (i == 0) continue;
    const segment_info &older = files[i - 1].info, &newer = files[i].info;
    if (!newer.goes_on_behind(older)) {
      in.fail_at(entry, "a segment of commits from " + std::to_string(newer.commit) + " on follows one up to " +
                            std::to_string(older.last_commit()));
    }
  }
  return files;
}

}  // namespace

uint64_t snapshot_header::num_file_bytes() const noexcept {
  uint64_t sum = 0;
  for (const file& f : files) sum = f.num_bytes > UINT64_MAX - sum ? UINT64_MAX : sum + f.num_bytes;
  return sum;
}

uint64_t snapshot_header::index_version() const noexcept {
  uint64_t version = 0;
  for (const file& f : files) version = std::max(version, f.info.index_version());
  return version;
}

snapshot_header read_snapshot_header(message_pack_reader& in) {
  const uint64_t begin = in.offset();
  snapshot_header header;
  std::optional<uint64_t> format;
  bool has_files = false;
  for (uint32_t left = in.map_header(); left > 0; left--) {
    switch (in.field()) {
      case 'f':
        format = in.number();
        break;
      case 'g':
        header.generation = in.number(max_generation);
        break;
      case 's':
        header.files = read_files(in);
        has_files = true;
        break;
      default:
        in.skip();
    }
  }
  if (!format || header.generation == 0 || !has_files) {
    in.fail_at(begin, "no header of a snapshot: it needs \"f\", \"g\" and \"s\"");
  }
  if (*format != stream_format)
    in.fail_at(begin, "a snapshot of format " + std::to_string(*format) + ", expected 1");
  return header;
}

void write(const snapshot_header& header, message_pack_writer& out) {
  out.map_header(3);
  out.string("f");
  out.number(stream_format);
  out.string("g");
  out.number(header.generation);
  out.string("s");
  out.array_header(static_cast<uint32_t>(header.files.size()));
  for (const auto& file : header.files) {
    out.map_header(2);
    out.string("i");
    write(file.info, out);
    out.string("s");
    out.number(file.num_bytes);
  }
}

void read_file_bytes(message_pack_reader& in, uint64_t count,
                     const std::function<void(std::span<const std::byte>)>& take) {
  std::vector<std::byte> buffer(static_cast<size_t>(std::min<uint64_t>(count, file_piece_bytes)));
  while (count > 0) {
    const auto piece = std::span(buffer).first(static_cast<size_t>(std::min<uint64_t>(count, buffer.size())));
    in.raw(piece);
    take(piece);
    count -= piece.size();
  }
}

void require_end_of_files(message_pack_reader& in) {
  if (!in.at_end()) in.fail_at(in.offset(), "the snapshot goes on behind its last segment");
}

}  // namespace fp::fpindex
