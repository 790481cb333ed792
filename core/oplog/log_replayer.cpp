#include "core/oplog/log_replayer.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "core/base/checksum.hpp"
#include "core/base/error.hpp"
#include "core/oplog/oplog.hpp"

namespace fp {

namespace {

namespace format = oplog_format;

std::string number(uint64_t n) { return std::to_string(n); }

/// Damage with its place.
struct damage_error : error {
  damage_error(const path& in, uint64_t at, const std::string& message, errc code = errc::corrupt_data)
      : error(code, message), file(in), offset(at) {}

  path file;
  uint64_t offset;
};

[[noreturn]] void corrupt(const path& file, uint64_t offset, const std::string& what) {
  throw damage_error(file, offset, file.string() + ": offset " + number(offset) + ": " + what);
}

[[noreturn]] void newer_version(const path& file) {
  throw damage_error(file, 8, file.string() + ": written by a newer version of this program",
                     errc::unsupported_format);
}

struct file_contents {
  std::unique_ptr<std::byte[]> data;
  size_t size = 0;

  std::span<const std::byte> bytes() const noexcept { return {data.get(), size}; }
};

file_contents read_contents(file_system& fs, const path& file) {
  const auto in = fs.open(file);
  file_contents contents;
  contents.size = in->size();
  contents.data = std::make_unique_for_overwrite<std::byte[]>(contents.size);
  if (in->read_at(0, {contents.data.get(), contents.size}) != contents.size) {
    throw error(errc::io_error, "cannot read " + file.string() + ": it became shorter meanwhile");
  }
  return contents;
}

}  // namespace

void log_replayer::run() {
  for (const std::string& name : fs_.list(folder_)) {
    if (const auto first = format::parse_file_name(name)) {
      files.push_back({*first, 0});
    } else if (name.ends_with(".log")) {
      throw damage_error(folder_ / name, 0, (folder_ / name).string() + ": not the name of a log file");
    } else if (name == format::seal_name) {
      has_seal = true;
    } else if (is_temporary_name(name)) {
      temporaries.push_back(name);
    }
  }
  for (size_t i = 0; i < files.size(); i++) {
    read_log(files[i], i + 1 == files.size());
    num_read++;
  }
  if (has_seal) {
    read_seal();
    check_seal();
  }
}

void log_replayer::read_seal() {
  const path file = folder_ / format::seal_name;
  const std::string text = read_file(fs_, file, 4096);
  format::seal s;
  switch (format::decode_seal(std::as_bytes(std::span(text)), s)) {
    case format::header_state::valid:
      seal = s;
      break;
    case format::header_state::unknown_version:
      newer_version(file);
    case format::header_state::invalid:
      corrupt(file, 0, "the seal does not match its checksum");
  }
}

void log_replayer::check_seal() const {
  const commit_id reached = std::max(end, after_);
  if (reached < seal->last_commit || end > seal->last_commit) {
    seal_mismatch(": the log ends at commit " + number(reached) + " but was closed at commit " +
                  number(seal->last_commit));
  }
  const logged_file newest = files.empty() ? logged_file{} : files.back();
  if (newest.first != seal->newest_file || newest.bytes != seal->newest_bytes || torn_bytes != 0) {
    seal_mismatch(": the log ends with " + describe(newest) + " and " + number(torn_bytes) +
                  " more, but was closed with " + describe({seal->newest_file, seal->newest_bytes}));
  }
}

void log_replayer::seal_mismatch(const std::string& what) const {
  throw damage_error(folder_ / format::seal_name, 0, folder_.string() + what);
}

std::string log_replayer::describe(const logged_file& log) {
  return log.first == 0 ? "no file" : number(log.bytes) + " bytes in " + format::file_name(log.first);
}

void log_replayer::read_log(logged_file& log, bool newest) {
  const path file = folder_ / format::file_name(log.first);
  good_bytes = 0;
  check_start(log.first, file);
  const file_contents contents = read_contents(fs_, file);
  const auto bytes = contents.bytes();
  commit_id first = 0;
  switch (format::decode_file_header(bytes, first)) {
    case format::header_state::valid:
      break;
    case format::header_state::unknown_version:
      newer_version(file);
    case format::header_state::invalid:
      if (!newest || !format::is_torn_header(bytes))
        corrupt(file, 0, "the file header does not match its checksum");
      end = log.first - 1;
      torn_bytes = bytes.size();
      newest_is_torn_whole = true;
      return;
  }
  if (first != log.first) corrupt(file, 16, "the header names commit " + number(first) + " as the first");
  end = log.first - 1;
  size_t at = format::file_header_bytes, last = 0;
  good_bytes = at;
  while (at < bytes.size()) {
    if (is_cancelled(cancel_)) throw error(errc::cancelled, "cancelled while reading " + file.string());
    const size_t frame_bytes = read_frame(file, bytes, at, newest);
    if (frame_bytes == 0) {
      torn_bytes = bytes.size() - at;
      break;
    }
    last = at;
    at += frame_bytes;
    good_bytes = at;
    good_end = end;
  }
  log.bytes = at;
  if (newest) {
    last_write_offset = last;
    last_write.assign(bytes.begin() + static_cast<std::ptrdiff_t>(last),
                      bytes.begin() + static_cast<std::ptrdiff_t>(at));
  }
}

void log_replayer::check_start(commit_id first, const path& file) const {
  const bool is_first = file.filename() == format::file_name(files.front().first);
  if (!is_first && first <= end) {
    corrupt(file, 0, "begins with commit " + number(first) + ", but the file before ends with " + number(end));
  }
  if (first <= after_ + 1 || (!is_first && first == end + 1)) return;
  const commit_id missing = std::max(is_first ? 0 : end, after_) + 1;
  corrupt(file, 0, "begins with commit " + number(first) + ", but the log has no commit " + number(missing));
}

size_t log_replayer::read_frame(const path& file, std::span<const std::byte> bytes, size_t at, bool newest) {
  const auto rest = bytes.subspan(at);
  format::frame_header header;
  const bool has_header = format::decode_frame_header(rest, header);
  if (has_header && header.first_commit != end + 1) {
    corrupt(file, at,
            "a frame begins with commit " + number(header.first_commit) + " instead of " + number(end + 1));
  }
  const bool whole = has_header && header.frame_bytes() <= rest.size();
  if (whole &&
      checksum(rest.subspan(format::frame_header_bytes, header.payload_bytes)) == header.payload_checksum) {
    deliver_payload(file, at, header, rest.subspan(format::frame_header_bytes, header.payload_bytes));
    const size_t used = format::frame_header_bytes + header.payload_bytes;
    const auto padding = rest.subspan(used, header.frame_bytes() - used);
    if (std::any_of(padding.begin(), padding.end(), [](std::byte b) { return b != std::byte{0}; })) {
      corrupt(file, at + used, "bytes after a frame's payload are not zero");
    }
    return header.frame_bytes();
  }
  if (newest && format::is_torn(bytes, at)) return 0;
  if (!has_header) corrupt(file, at, "a frame header does not match its checksum");
  if (!whole) corrupt(file, at, "a frame reaches past the end of the file");
  corrupt(file, at + format::frame_header_bytes, "a frame's payload does not match its checksum");
}

void log_replayer::deliver_payload(const path& file, size_t at, const format::frame_header& header,
                                   std::span<const std::byte> payload) {
  const size_t begin = at + format::frame_header_bytes;
  size_t offset = 0;
  for (uint32_t i = 0; i < header.num_commits; i++) {
    uint32_t length;
    if (payload.size() - offset < sizeof length) corrupt(file, begin + offset, "a frame ends inside a commit");
    std::memcpy(&length, payload.data() + offset, sizeof length);
    offset += sizeof length;
    if (payload.size() - offset < length) corrupt(file, begin + offset, "a commit reaches past its frame's end");
    end++;
    if (deliver_all_ || end > after_) {
      const auto* changes = reinterpret_cast<const uint8_t*>(payload.data() + offset);
      num_delivered++;
      deliver_({end, std::make_shared<const std::vector<uint8_t>>(changes, changes + length)}, file, at);
    }
    offset += length;
  }
  if (header.num_commits == 0 || offset != payload.size()) {
    corrupt(file, begin + offset, "a frame does not end with its last commit");
  }
}

oplog_inspection inspect_oplog(file_system& fs, const path& folder, commit_id after,
                               const std::function<void(const commit& c, const path& file, uint64_t offset)>& visit,
                               const cancel_flag* cancel) {
  oplog_inspection result;
  path frame_file;
  uint64_t frame_offset = 0;
  const log_replayer::consumer consume = [&](commit&& c, const path& file, uint64_t offset) {
    frame_file = file;
    frame_offset = offset;
    visit(c, file, offset);
  };
  // Commits that segments hold are read too; where the log may begin still follows from `after`.
  log_replayer found(fs, folder, after, consume, cancel, true);
  try {
    found.run();
  } catch (const damage_error& e) {
    result.first = {e.file, e.offset, e.code(), e.what()};
  } catch (const error& e) {
    if (e.code() != errc::corrupt_data) throw;
    result.first = {frame_file, frame_offset, e.code(), e.what()};
  }
  for (size_t i = 0; i < found.files.size(); i++) {
    const path file = folder / format::file_name(found.files[i].first);
    const bool is_newest = i + 1 == found.files.size();
    result.files.push_back({file, fs.file_size(file), is_newest ? found.torn_bytes : 0, i < found.num_read});
  }
  if (found.has_seal) {
    const path file = folder / format::seal_name;
    result.files.push_back({file, fs.file_size(file), 0, !result.first});
  }
  result.last_commit = std::max(found.good_end, after);
  result.good_bytes = found.good_bytes;
  return result;
}

}  // namespace fp
