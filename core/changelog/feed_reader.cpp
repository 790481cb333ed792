#include "core/changelog/feed_reader.hpp"

#include <algorithm>
#include <utility>

#include "core/base/checksum.hpp"
#include "core/base/error.hpp"
#include "core/changelog/local_format.hpp"

namespace fp {

namespace {

bool is_full(const feed_changes& out, const read_limits& limits) noexcept {
  return out.positions.size() >= limits.max_changes ||
         (!out.positions.empty() && out.changes.size() >= limits.max_bytes);
}

}  // namespace

void feed_reader::read(std::span<const logged_file> logs, feed_position after, const read_limits& limits,
                       const call_limits& call, feed_changes& out) {
  try {
    read_on(logs, after, limits, call, out);
  } catch (const error&) {
    // The next read tells it.
    if (out.positions.empty()) throw;
  }
}

void feed_reader::read_on(std::span<const logged_file> logs, feed_position after, const read_limits& limits,
                          const call_limits& call, feed_changes& out) {
  auto log = std::upper_bound(logs.begin(), logs.end(), after,
                              [](feed_position position, const logged_file& l) { return position + 1 < l.begin; });
  if (log == logs.begin()) {
    if (log == logs.end()) return;
    if (dense_) corrupt(*log, 0, "the changes between " + std::to_string(after) + " and this file are missing");
  } else {
    --log;
  }
  mark at = start_of(*log, after);
  while (at.offset < log->bytes && skip_frame(*log, after, at)) call.check();
  for (;;) {
    while (at.offset < log->bytes) {
      call.check();
      if (!take_frame(*log, at, after, limits, out)) break;
      note(*log, at);
      last_file_ = log->begin;
      last_ = at;
      if (is_full(out, limits)) break;
    }
    if (at.offset < log->bytes || is_full(out, limits) || ++log == logs.end()) return;
    if (log->begin != at.before + 1) {
      corrupt(*log, 0,
              "begins behind position " + std::to_string(log->begin - 1) + ", but the file before ends with " +
                  std::to_string(at.before));
    }
    begin_file(*log);
    at = known_[log->begin].marks.front();
  }
}

void feed_reader::forget_before(commit_id begin) {
  known_.erase(known_.begin(), known_.lower_bound(begin));
  if (last_file_ < begin) last_file_ = 0;
}

feed_reader::mark feed_reader::start_of(const logged_file& log, feed_position after) {
  begin_file(log);
  const auto& marks = known_[log.begin].marks;
  const auto next = std::upper_bound(marks.begin(), marks.end(), after,
                                     [](feed_position position, const mark& m) { return position < m.before; });
  const mark found = next == marks.begin() ? marks.front() : *std::prev(next);
  const bool is_nearer = last_file_ == log.begin && last_.before <= after && last_.before > found.before;
  return is_nearer ? last_ : found;
}

void feed_reader::begin_file(const logged_file& log) {
  auto& [version, marks] = known_[log.begin];
  if (!marks.empty()) return;
  const auto header = bytes_at(log, 0, oplog_format::file_header_bytes);
  commit_id begin = 0;
  switch (oplog_format::decode_file_header(header, begin, version)) {
    case oplog_format::header_state::valid:
      break;
    case oplog_format::header_state::unknown_version:
      throw error(errc::unsupported_format,
                  file_path(log).string() + ": " + oplog_format::unknown_version_text(version));
    case oplog_format::header_state::invalid:
      corrupt(log, 0, "the file header does not match its checksum");
  }
  if (begin != log.begin) corrupt(log, 16, "the header says that the file begins at " + std::to_string(begin));
  if (version < oplog_format::first_version_with_ids) corrupt(log, 8, "a file of a version without ids");
  marks.push_back({begin - 1, oplog_format::file_header_bytes});
}

void feed_reader::note(const logged_file& log, const mark& at) {
  auto& marks = known_[log.begin].marks;
  if (at.offset >= marks.back().offset + mark_bytes) marks.push_back(at);
}

bool feed_reader::skip_frame(const logged_file& log, feed_position after, mark& at) {
  const auto header = header_at(log, at);
  const uint64_t next = at.offset + header.frame_bytes();
  if (next >= log.bytes) return false;
  oplog_format::frame_header following;
  if (!oplog_format::decode_frame_header(bytes_at(log, next, oplog_format::frame_header_bytes), following)) {
    corrupt(log, next, "a frame header does not match its checksum");
  }
  if (following.begin <= at.before + 1) corrupt(log, next, "a frame that does not ascend");
  if (following.begin - 1 > after) return false;
  at = {following.begin - 1, next};
  note(log, at);
  return true;
}

oplog_format::frame_header feed_reader::header_at(const logged_file& log, const mark& at) {
  oplog_format::frame_header header;
  if (!oplog_format::decode_frame_header(bytes_at(log, at.offset, oplog_format::frame_header_bytes), header)) {
    corrupt(log, at.offset, "a frame header does not match its checksum");
  }
  if (header.begin != at.before + 1) {
    corrupt(log, at.offset,
            "a frame begins behind position " + std::to_string(header.begin - 1) + " instead of " +
                std::to_string(at.before));
  }
  if (header.frame_bytes() > log.bytes - at.offset) corrupt(log, at.offset, "a frame reaches past the file's end");
  return header;
}

std::span<const std::byte> feed_reader::bytes_at(const logged_file& log, uint64_t offset, uint64_t count) {
  feed_window& w = *window_;
  const bool is_there =
      w.owner == this && w.file == log.begin && offset >= w.offset && offset + count <= w.offset + w.size;
  if (!is_there) {
    if (offset + count > log.bytes) corrupt(log, offset, "the file ends within a frame");
    const uint64_t size = std::min(log.bytes - offset, std::max(count, window_bytes));
    w.owner = nullptr;
    // What one huge frame needed is not kept for good.
    const uint64_t room = w.memory.bytes().size();
    if (room < size || (room > window_bytes && size <= window_bytes)) {
      w.memory = {};
      w.memory = aligned_memory(std::max(size, window_bytes));
    }
    const open_files::place place(*files_);
    const auto file = fs_.open(file_path(log));
    if (file->read_at(offset, w.memory.bytes().first(size)) != size) {
      corrupt(log, offset, "the file has become shorter");
    }
    w.owner = this;
    w.file = log.begin;
    w.offset = offset;
    w.size = size;
  }
  return std::as_const(w.memory).bytes().subspan(offset - w.offset, count);
}

bool feed_reader::take_frame(const logged_file& log, mark& at, feed_position after, const read_limits& limits,
                             feed_changes& out) {
  const auto header = header_at(log, at);
  const auto bytes = bytes_at(log, at.offset, header.frame_bytes());
  const uint32_t version = known_[log.begin].version;
  if (unmasked_.capacity() > window_bytes) std::vector<std::byte>().swap(unmasked_);
  const auto payload = oplog_format::payload_of(header, bytes, version, unmasked_);
  const uint64_t begin = at.offset + oplog_format::frame_header_bytes;
  if (checksum(payload) != header.payload_checksum) {
    corrupt(log, begin, "a frame's payload does not match its checksum");
  }
  oplog_format::payload_reader reader(payload, version, header.begin);
  commit_id last = at.before;
  for (commit_view c; reader.next(c);) {
    const size_t commit_end = reader.offset();
    try {
      if (!take_commit(c, after, limits, out)) return false;
    } catch (const error& e) {
      corrupt(log, begin + commit_end - c.changes.size(), e.what());
    }
    last = c.id;
  }
  if (reader.fault() != nullptr) corrupt(log, begin + reader.offset(), reader.fault());
  at = {last, at.offset + header.frame_bytes()};
  return true;
}

bool feed_reader::take_commit(const commit_view& c, feed_position after, const read_limits& limits,
                              feed_changes& out) const {
  if (c.id <= after) return true;
  if (c.changes.size() < local_format::append_id_bytes) throw error(errc::corrupt_data, "an append without an id");
  const auto changes = c.changes.subspan(local_format::append_id_bytes);
  changes_reader reader(changes);
  change_view change;
  feed_position position = dense_ ? c.previous : c.id - 1;
  for (size_t begin = 0; reader.next(change); begin = reader.offset()) {
    if (++position > c.id) throw error(errc::corrupt_data, "an append of more changes than positions");
    if (position <= after) continue;
    const auto bytes = changes.subspan(begin, reader.offset() - begin);
    if (is_full(out, limits)) return false;
    if (!out.positions.empty() && out.changes.size() + bytes.size() > limits.max_bytes) return false;
    out.changes.insert(out.changes.end(), bytes.begin(), bytes.end());
    out.positions.push_back(position);
  }
  if (position != c.id) throw error(errc::corrupt_data, "an append of fewer changes than positions");
  return true;
}

void feed_reader::corrupt(const logged_file& log, uint64_t offset, const std::string& what) const {
  throw error(errc::corrupt_data, file_path(log).string() + ": offset " + std::to_string(offset) + ": " + what);
}

}  // namespace fp
