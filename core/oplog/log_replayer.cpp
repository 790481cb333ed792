#include "core/oplog/log_replayer.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/base/checksum.hpp"
#include "core/base/located_error.hpp"
#include "core/oplog/oplog.hpp"

namespace fp {

namespace {

namespace format = oplog_format;

struct damage_error : located_error {
  damage_error(const path& in, uint64_t at, const std::string& message, errc code = errc::corrupt_data)
      : located_error(code, message, at), file(in) {}

  path file;
};

[[noreturn]] void corrupt(const path& file, uint64_t offset, const std::string& what) {
  throw damage_error(file, offset, file.string() + ": offset " + std::to_string(offset) + ": " + what);
}

[[noreturn]] void unknown_version(const path& file, uint32_t file_version) {
  throw damage_error(file, 8, file.string() + ": " + format::unknown_version_text(file_version),
                     errc::unsupported_format);
}

}  // namespace

log_replayer::log_replayer(file_system& fs, path folder, commit_id after, const cancel_flag* cancel,
                           size_t slice_bytes, bool deliver_all)
    : fs_(fs),
      folder_(std::move(folder)),
      after_(after),
      cancel_(cancel),
      slice_bytes_(std::max(slice_bytes, format::frame_header_bytes)),
      deliver_all_(deliver_all) {}

void log_replayer::skip_to_newest(size_t count) {
  if (!listed_) list();
  if (files.empty()) return;
  num_read = files.size() - std::min(files.size(), count);
  for (size_t i = 0; i < num_read; i++) files[i].bytes = fs_.file_size(folder_ / format::file_name(files[i].begin));
  after_ = end = files[num_read].begin - 1;
}

bool log_replayer::next(log_slice& slice) {
  slice.commits.clear();
  slice.frames.clear();
  if (!listed_) list();
  while (num_read < files.size()) {
    if (!begun_) {
      open_file();
      continue;
    }
    if (!in_) in_ = fs_.open(file_);
    if (at_ == size_) {
      close_file();
    } else {
      read_frames(slice);
      if (slice.commits.empty()) continue;
      in_.reset();
      return true;
    }
  }
  if (has_seal && !seal) {
    read_seal();
    check_seal();
  }
  return false;
}

void log_replayer::list() {
  file_ = folder_;
  for (const std::string& name : fs_.list(folder_)) {
    if (const auto begin = format::parse_file_name(name)) {
      files.push_back({*begin, 0});
    } else if (name.ends_with(".log")) {
      throw damage_error(folder_ / name, 0, (folder_ / name).string() + ": not the name of a log file");
    } else if (name == format::seal_name) {
      has_seal = true;
    } else if (is_temporary_name(name)) {
      temporaries.push_back(name);
    }
  }
  listed_ = true;
}

void log_replayer::read_seal() {
  file_ = folder_ / format::seal_name;
  at_ = 0;
  const std::string text = read_file(fs_, file_, 4096);
  format::seal s;
  uint32_t version = 0;
  switch (format::decode_seal(std::as_bytes(std::span(text)), s, version)) {
    case format::header_state::valid:
      seal = s;
      break;
    case format::header_state::unknown_version:
      unknown_version(file_, version);
    case format::header_state::invalid:
      corrupt(file_, 0, "the seal does not match its checksum");
  }
}

void log_replayer::check_seal() const {
  const commit_id reached = std::max(end, after_);
  if (reached < seal->last_commit || end > seal->last_commit) {
    seal_mismatch(": the log ends at commit " + std::to_string(reached) + " but was closed at commit " +
                  std::to_string(seal->last_commit));
  }
  const logged_file newest = files.empty() ? logged_file{} : files.back();
  if (newest.begin != seal->newest_file || newest.bytes != seal->newest_bytes || torn_bytes != 0) {
    seal_mismatch(": the log ends with " + describe(newest) + " and " + std::to_string(torn_bytes) +
                  " more, but was closed with " + describe({seal->newest_file, seal->newest_bytes}));
  }
}

void log_replayer::seal_mismatch(const std::string& what) const {
  throw damage_error(folder_ / format::seal_name, 0, folder_.string() + what);
}

std::string log_replayer::describe(const logged_file& log) {
  return log.begin == 0 ? "no file" : std::to_string(log.bytes) + " bytes in " + format::file_name(log.begin);
}

void log_replayer::open_file() {
  logged_file& log = files[num_read];
  file_ = folder_ / format::file_name(log.begin);
  at_ = good_bytes = 0;
  check_start(log.begin);
  auto in = fs_.open(file_);
  std::swap(in_, in);
  size_ = in_->size();
  // One byte more than the header tells a file that ends there from others.
  std::byte start[format::file_header_bytes + 1];
  const auto header = std::span(start).first(std::min<uint64_t>(size_, sizeof start));
  read_exactly(0, header);
  commit_id begin = 0;
  switch (format::decode_file_header(header, begin, newest_version)) {
    case format::header_state::valid:
      break;
    case format::header_state::unknown_version:
      unknown_version(file_, newest_version);
    case format::header_state::invalid:
      if (!is_newest() || !format::is_torn_header(header))
        corrupt(file_, 0, "the file header does not match its checksum");
      end = log.begin - 1;
      torn_bytes = size_;
      newest_is_torn_whole = true;
      in_.reset();
      num_read++;
      return;
  }
  begun_ = true;
  if (begin != log.begin) corrupt(file_, 16, "the header says that the file begins at " + std::to_string(begin));
  end = log.begin - 1;
  at_ = good_bytes = format::file_header_bytes;
  last_write_offset = 0;
}

void log_replayer::close_file() {
  files[num_read].bytes = at_;
  if (is_newest()) {
    last_write.resize(at_ - last_write_offset);
    read_exactly(last_write_offset, last_write);
  }
  in_.reset();
  begun_ = false;
  num_read++;
}

void log_replayer::read_exactly(uint64_t offset, std::span<std::byte> out) const {
  if (in_->read_at(offset, out) != out.size()) {
    throw error(errc::io_error, "cannot read " + file_.string() + ": it became shorter meanwhile");
  }
}

void log_replayer::check_start(commit_id begin) const {
  const bool is_first = num_read == 0;
  if (!is_first && begin <= end) {
    corrupt(file_, 0,
            "begins behind commit " + std::to_string(begin - 1) + ", but the file before ends with " +
                std::to_string(end));
  }
  if (begin <= after_ + 1 || (!is_first && begin == end + 1)) return;
  const commit_id reached = std::max(is_first ? 0 : end, after_);
  corrupt(file_, 0,
          "begins behind commit " + std::to_string(begin - 1) + ", but the log has nothing between commits " +
              std::to_string(reached) + " and " + std::to_string(begin - 1));
}

void log_replayer::read_frames(log_slice& slice) {
  slice.file = file_;
  uint64_t length = std::min<uint64_t>(slice_bytes_, size_ - at_);
  for (;;) {
    if (slice.bytes.bytes().size() < length) slice.bytes = aligned_memory(length);
    read_exactly(at_, slice.bytes.bytes().first(length));
    auto bytes = slice.bytes.bytes().first(length);
    while (!bytes.empty()) {
      if (is_cancelled(cancel_)) throw error(errc::cancelled, "cancelled while reading " + file_.string());
      const auto commits = slice.commits.size(), frames = slice.frames.size();
      const auto end_before = end;
      size_t frame_bytes = 0;
      try {
        frame_bytes = read_frame(slice, bytes);
      } catch (const error&) {
        slice.commits.resize(commits);
        slice.frames.resize(frames);
        end = end_before;
        if (commits > 0) return;
        throw;
      }
      if (frame_bytes > bytes.size()) {
        length = std::max<uint64_t>(frame_bytes, std::min<uint64_t>(slice_bytes_, size_ - at_));
        break;
      }
      if (frame_bytes == 0) {
        if (commits > 0) return;
        torn_bytes = size_ - at_;
        size_ = at_;
        return;
      }
      last_write_offset = at_;
      at_ += frame_bytes;
      good_bytes = at_;
      good_end = end;
      num_delivered += slice.commits.size() - commits;
      bytes = bytes.subspan(frame_bytes);
    }
    // Of a slice without commits the next call would be the next round.
    if (bytes.empty() || !slice.commits.empty()) return;
  }
}

size_t log_replayer::read_frame(log_slice& slice, std::span<std::byte> bytes) {
  const uint64_t rest = size_ - at_;
  if (bytes.size() < std::min<uint64_t>(rest, format::frame_header_bytes)) return format::frame_header_bytes;
  format::frame_header header;
  const bool has_header = format::decode_frame_header(bytes, header);
  if (has_header && header.begin != end + 1) {
    corrupt(
        file_, at_,
        "a frame begins behind commit " + std::to_string(header.begin - 1) + " instead of " + std::to_string(end));
  }
  if (has_header && header.num_commits > max_commit_id - end) {
    corrupt(file_, at_, "a frame holds commits that none could follow");
  }
  const bool whole = has_header && header.frame_bytes() <= rest;
  if (whole && header.frame_bytes() > bytes.size()) return header.frame_bytes();
  if (whole) {
    if (format::is_masked(header, newest_version)) format::mask_frame(header, bytes.first(header.frame_bytes()));
    const std::span<const std::byte> payload = bytes.subspan(format::frame_header_bytes, header.payload_bytes);
    if (checksum(payload) == header.payload_checksum) {
      take_payload(slice, header, payload);
      const size_t used = format::frame_header_bytes + header.payload_bytes;
      const auto padding = bytes.subspan(used, header.frame_bytes() - used);
      if (std::any_of(padding.begin(), padding.end(), [](std::byte b) { return b != std::byte{0}; })) {
        corrupt(file_, at_ + used, "bytes after a frame's payload are not zero");
      }
      return header.frame_bytes();
    }
  }
  if (is_newest() && rest_is_torn()) return 0;
  if (!has_header) corrupt(file_, at_, "a frame header does not match its checksum");
  if (!whole) corrupt(file_, at_, "a frame reaches past the end of the file");
  corrupt(file_, at_ + format::frame_header_bytes, "a frame's payload does not match its checksum");
}

bool log_replayer::rest_is_torn() const {
  // What is torn is judged by sectors of the file.
  const uint64_t begin = at_ / format::sector_bytes * format::sector_bytes;
  aligned_memory rest(size_ - begin);
  read_exactly(begin, rest.bytes());
  return format::is_torn(rest.bytes(), at_ - begin, newest_version);
}

void log_replayer::take_payload(log_slice& slice, const format::frame_header& header,
                                std::span<const std::byte> payload) {
  const uint64_t begin = at_ + format::frame_header_bytes;
  const log_slice::frame frame{at_, slice.commits.size(), end};
  format::payload_reader reader(payload, newest_version, header.begin);
  uint32_t num_read_commits = 0;
  for (commit_view c; reader.next(c); num_read_commits++) {
    if (c.previous < after_ && c.id > after_) {
      // What segments hold ends with a commit of this log, or is not of this index.
      corrupt(file_, begin,
              "commit " + std::to_string(c.id) + " follows commit " + std::to_string(c.previous) +
                  ", but the segments end with commit " + std::to_string(after_));
    }
    end = c.id;
    if (deliver_all_ || end > after_) slice.commits.push_back(c);
  }
  if (reader.fault() != nullptr) corrupt(file_, begin + reader.offset(), reader.fault());
  if (header.num_commits == 0 || num_read_commits != header.num_commits) {
    corrupt(file_, begin + reader.offset(), "a frame does not hold as many commits as it says");
  }
  if (slice.commits.size() > frame.first) slice.frames.push_back(frame);
}

oplog_inspection inspect_oplog(
    file_system& fs, const path& folder, commit_id after,
    const std::function<void(const commit_view& c, const path& file, uint64_t offset)>& visit,
    const cancel_flag* cancel) {
  oplog_inspection result;
  // Commits that segments hold are read too; where the log may begin still follows from `after`.
  log_replayer found(fs, folder, after, cancel, log_replayer::default_slice_bytes, true);
  log_slice slice;
  const auto visit_slice = [&] {
    for (size_t f = 0; f < slice.frames.size(); f++) {
      const auto& frame = slice.frames[f];
      const size_t upto = f + 1 < slice.frames.size() ? slice.frames[f + 1].first : slice.commits.size();
      try {
        for (size_t i = frame.first; i < upto; i++) visit(slice.commits[i], slice.file, frame.offset);
      } catch (const error& e) {
        if (e.code() != errc::corrupt_data) throw;
        result.first = {slice.file, frame.offset, e.code(), e.what()};
        found.good_bytes = frame.offset;
        found.good_end = frame.before;
        return;
      }
    }
  };
  try {
    while (!result.first && found.next(slice)) visit_slice();
  } catch (const damage_error& e) {
    result.first = {e.file, e.offset(), e.code(), e.what()};
  } catch (const error& e) {
    if (e.code() == errc::cancelled) throw;
    result.first = {found.file(), found.offset(), e.code(), e.what()};
  }
  const auto size_of = [&](const path& file) -> uint64_t {
    try {
      return fs.file_size(file);
    } catch (const error& e) {
      if (!result.first) result.first = {file, 0, e.code(), e.what()};
      return 0;
    }
  };
  for (size_t i = 0; i < found.files.size(); i++) {
    const path file = folder / format::file_name(found.files[i].begin);
    const bool is_newest = i + 1 == found.files.size();
    result.files.push_back({file, size_of(file), is_newest ? found.torn_bytes : 0, i < found.num_read});
  }
  if (found.has_seal) {
    const path file = folder / format::seal_name;
    const bool is_reached = !result.first;
    result.files.push_back({file, size_of(file), 0, is_reached});
  }
  result.last_commit = std::max(found.good_end, after);
  result.good_bytes = found.good_bytes;
  return result;
}

}  // namespace fp
