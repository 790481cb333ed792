#include "core/oplog/oplog.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "core/base/checksum.hpp"
#include "core/base/error.hpp"
#include "core/oplog/oplog_format.hpp"

namespace fp {

namespace {

namespace format = oplog_format;

std::string number(uint64_t n) { return std::to_string(n); }

[[noreturn]] void corrupt(const path& file, uint64_t offset, const std::string& what) {
  throw error(errc::corrupt_data, file.string() + ": offset " + number(offset) + ": " + what);
}

/// One log file, as replay found it or as appending left it.
struct log_file {
  commit_id first = 0;
  uint64_t bytes = 0;
};

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

/// Reads the log files of a folder in order. Changes nothing.
class replayer {
 public:
  replayer(file_system& fs, const path& folder, commit_id after, const std::function<void(commit&&)>& deliver,
           const cancel_flag* cancel)
      : fs_(fs), folder_(folder), after_(after), deliver_(deliver), cancel_(cancel) {}

  void run() {
    for (const std::string& name : fs_.list(folder_)) {
      if (const auto first = format::parse_file_name(name)) {
        files.push_back({*first, 0});
      } else if (name.ends_with(".log")) {
        throw error(errc::corrupt_data, (folder_ / name).string() + ": not the name of a log file");
      } else if (name == format::seal_name) {
        read_seal();
      } else if (is_temporary_name(name)) {
        temporaries.push_back(name);
      }
    }
    for (size_t i = 0; i < files.size(); i++) read_log(files[i], i + 1 == files.size());
    if (seal) check_seal();
  }

  std::vector<log_file> files;           // sizes without torn bytes
  std::vector<std::string> temporaries;  // what an interrupted `close` left
  std::optional<format::seal> seal;
  commit_id end = 0;  // last commit in the log files
  uint64_t num_delivered = 0;
  uint64_t torn_bytes = 0;
  bool newest_is_torn_whole = false;

 private:
  void read_seal() {
    const path file = folder_ / format::seal_name;
    const std::string text = read_file(fs_, file, 4096);
    format::seal s;
    switch (format::decode_seal(std::as_bytes(std::span(text)), s)) {
      case format::header_state::valid:
        seal = s;
        break;
      case format::header_state::unknown_version:
        throw error(errc::unsupported_format, file.string() + ": written by a newer version of this program");
      case format::header_state::invalid:
        corrupt(file, 0, "the seal does not match its checksum");
    }
  }

  void check_seal() const {
    const commit_id reached = std::max(end, after_);
    if (reached < seal->last_commit || end > seal->last_commit) {
      throw error(errc::corrupt_data, folder_.string() + ": the log ends at commit " + number(reached) +
                                          " but was closed at commit " + number(seal->last_commit));
    }
    const log_file newest = files.empty() ? log_file{} : files.back();
    if (newest.first != seal->newest_file || newest.bytes != seal->newest_bytes || torn_bytes != 0) {
      throw error(errc::corrupt_data, folder_.string() + ": the log ends with " + describe(newest) + " and " +
                                          number(torn_bytes) + " more, but was closed with " +
                                          describe({seal->newest_file, seal->newest_bytes}));
    }
  }

  static std::string describe(const log_file& log) {
    return log.first == 0 ? "no file" : number(log.bytes) + " bytes in " + format::file_name(log.first);
  }

  void read_log(log_file& log, bool newest) {
    const path file = folder_ / format::file_name(log.first);
    check_start(log.first, file);
    const file_contents contents = read_contents(fs_, file);
    const auto bytes = contents.bytes();
    commit_id first = 0;
    switch (format::decode_file_header(bytes, first)) {
      case format::header_state::valid:
        break;
      case format::header_state::unknown_version:
        throw error(errc::unsupported_format, file.string() + ": written by a newer version of this program");
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
    size_t at = format::file_header_bytes;
    while (at < bytes.size()) {
      if (is_cancelled(cancel_)) throw error(errc::cancelled, "cancelled while reading " + file.string());
      const size_t frame_bytes = read_frame(file, bytes, at, newest);
      if (frame_bytes == 0) {
        torn_bytes = bytes.size() - at;
        break;
      }
      at += frame_bytes;
    }
    log.bytes = at;
  }

  /// Commits that no file holds may only be missing when they are not needed: `truncate` removes files in any
  /// order as far as a crash is concerned, and a log that ends before `after` goes on behind it.
  void check_start(commit_id first, const path& file) const {
    const bool is_first = file.filename() == format::file_name(files.front().first);
    if (!is_first && first <= end) {
      corrupt(file, 0, "begins with commit " + number(first) + ", but the file before ends with " + number(end));
    }
    if (first <= after_ + 1 || (!is_first && first == end + 1)) return;
    const commit_id missing = std::max(is_first ? 0 : end, after_) + 1;
    corrupt(file, 0, "begins with commit " + number(first) + ", but the log has no commit " + number(missing));
  }

  /// Delivers the commits of the frame at an offset and returns its size; 0 when the rest is a torn write.
  size_t read_frame(const path& file, std::span<const std::byte> bytes, size_t at, bool newest) {
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

  void deliver_payload(const path& file, size_t at, const format::frame_header& header,
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
      if (end > after_) {
        const auto* changes = reinterpret_cast<const uint8_t*>(payload.data() + offset);
        num_delivered++;
        deliver_({end, std::make_shared<const std::vector<uint8_t>>(changes, changes + length)});
      }
      offset += length;
    }
    if (header.num_commits == 0 || offset != payload.size()) {
      corrupt(file, begin + offset, "a frame does not end with its last commit");
    }
  }

  file_system& fs_;
  const path& folder_;
  commit_id after_;
  const std::function<void(commit&&)>& deliver_;
  const cancel_flag* cancel_;
};

class oplog_impl final : public oplog {
 public:
  oplog_impl(file_system& fs, const path& folder, const oplog_options& options, commit_id after, replayer&& found)
      : fs_(fs),
        folder_(folder),
        options_(options),
        files_(std::move(found.files)),
        last_commit_(std::max(found.end, after)) {
    for (const std::string& name : found.temporaries) fs_.remove(folder_ / name);
    if (found.newest_is_torn_whole) {
      fs_.remove(file_path(files_.back()));
      files_.pop_back();
    } else if (!files_.empty()) {
      // A process that was killed may have left complete frames which only the page cache has.
      auto newest = fs_.open_for_writing(file_path(files_.back()));
      if (found.torn_bytes != 0) newest->truncate(files_.back().bytes);
      newest->sync();
      if (found.end == last_commit_) file_ = std::move(newest);
    }
    if (found.seal) fs_.remove(folder_ / format::seal_name);
    fs_.sync_directory(folder_);
  }

  void append(std::span<const commit> commits) override {
    if (commits.empty()) return;
    check_appendable(commits);
    const bool is_full = file_ && has_commits() && files_.back().bytes >= options_.max_file_bytes;
    if (!file_ || is_full || newest_is_suspect_) start_file();
    const auto frame = encode_frame(commits);
    try {
      file_->write_at(files_.back().bytes, frame);
    } catch (...) {
      cut_back();
      throw;
    }
    try {
      file_->sync();
    } catch (...) {
      newest_is_suspect_ = true;
      cut_back();
      throw;
    }
    files_.back().bytes += frame.size();
    last_commit_ = commits.back().id;
  }

  bool is_broken() const noexcept override { return broken_; }

  void truncate(commit_id durable) override {
    while (files_.size() > 1 && files_[1].first - 1 <= durable) {
      fs_.remove(file_path(files_.front()));
      files_.erase(files_.begin());
    }
  }

  void close() override {
    closed_ = true;
    if (sealed_ || broken_) return;
    std::byte bytes[format::seal_bytes];
    const log_file newest = files_.empty() ? log_file{} : files_.back();
    format::encode_seal({last_commit_, newest.first, newest.bytes}, bytes);
    replace_file(fs_, folder_ / format::seal_name, bytes);
    sealed_ = true;
  }

  commit_id last_commit() const noexcept override { return last_commit_; }

  uint64_t num_bytes() const noexcept override {
    uint64_t sum = 0;
    for (const log_file& log : files_) sum += log.bytes;
    return sum;
  }

 private:
  path file_path(const log_file& log) const { return folder_ / format::file_name(log.first); }

  /// Whether the newest file holds any.
  bool has_commits() const noexcept { return files_.back().bytes > format::file_header_bytes; }

  void check_appendable(std::span<const commit> commits) const {
    if (closed_) throw error(errc::internal_error, folder_.string() + ": append to a closed log");
    if (broken_) {
      throw error(errc::io_error, folder_.string() + ": an earlier write failed and could not be undone");
    }
    uint64_t payload_bytes = 0;
    for (size_t i = 0; i < commits.size(); i++) {
      const commit& c = commits[i];
      if (c.id != last_commit_ + 1 + i) {
        throw error(errc::internal_error, folder_.string() + ": append of commit " + number(c.id) +
                                              " after commit " + number(last_commit_ + i));
      }
      if (!c.changes || c.changes->size() % 4 != 0) {
        throw error(errc::internal_error,
                    folder_.string() + ": commit " + number(c.id) + " is not encoded changes");
      }
      payload_bytes += sizeof(uint32_t) + c.changes->size();
    }
    if (payload_bytes > format::max_payload_bytes) {
      throw error(errc::payload_too_large, folder_.string() + ": an append of " + number(payload_bytes) +
                                               " bytes; at most " + number(format::max_payload_bytes) +
                                               " are allowed");
    }
  }

  /// Begins the file that the next commit goes to. On a failure the log is as before.
  void start_file() {
    const log_file next{last_commit_ + 1, format::file_header_bytes};
    if (!files_.empty() && files_.back().first == next.first) {
      // It holds no commit. A new file of that name shares no pages with the suspect one.
      file_.reset();
      remove_or_break(file_path(next));
      files_.pop_back();
    }
    const path file = file_path(next);
    try {
      std::byte header[format::file_header_bytes];
      format::encode_file_header(next.first, header);
      auto out = fs_.create(file);
      out->write_at(0, header);
      out->sync();
      fs_.sync_directory(folder_);
      files_.push_back(next);
      file_ = std::move(out);
      newest_is_suspect_ = false;
    } catch (...) {
      try {
        remove_or_break(file);
      } catch (...) {
        // The first failure is the one to report.
      }
      throw;
    }
  }

  /// A file that may or may not be there any more makes the log's end unknown.
  void remove_or_break(const path& file) {
    try {
      fs_.remove(file);
    } catch (...) {
      broken_ = true;
      throw;
    }
  }

  /// The frame for some commits, as it is written behind the newest file's end.
  std::span<const std::byte> encode_frame(std::span<const commit> commits) {
    format::frame_header header;
    for (const commit& c : commits)
      header.payload_bytes += static_cast<uint32_t>(sizeof(uint32_t) + c.changes->size());
    header.num_commits = static_cast<uint32_t>(commits.size());
    header.first_commit = commits.front().id;

    // What one huge append needed is not kept for good.
    if (buffer_.capacity() > max_kept_buffer_bytes) std::vector<std::byte>().swap(buffer_);
    buffer_.assign(header.frame_bytes(), std::byte{0});
    std::byte* out = buffer_.data() + format::frame_header_bytes;
    for (const commit& c : commits) {
      const auto length = static_cast<uint32_t>(c.changes->size());
      std::memcpy(out, &length, sizeof length);
      out += sizeof length;
      out = std::copy_n(reinterpret_cast<const std::byte*>(c.changes->data()), length, out);
    }
    header.payload_checksum =
        checksum(std::span(buffer_).subspan(format::frame_header_bytes, header.payload_bytes));
    header.has_blank_sector = format::has_blank_sector(files_.back().bytes, buffer_);
    format::encode_frame_header(header, buffer_);
    return buffer_;
  }

  void cut_back() noexcept {
    try {
      file_->truncate(files_.back().bytes);
      file_->sync();
    } catch (...) {
      broken_ = true;
    }
  }

  static constexpr size_t max_kept_buffer_bytes = size_t{16} << 20;

  file_system& fs_;
  path folder_;
  oplog_options options_;
  std::vector<log_file> files_;          // oldest first; sizes without what a failed write left
  std::unique_ptr<writable_file> file_;  // the newest, or null when the next append must begin a new one
  commit_id last_commit_;
  std::vector<std::byte> buffer_;
  bool newest_is_suspect_ = false;  // a sync of it failed
  bool broken_ = false, closed_ = false, sealed_ = false;
};

}  // namespace

std::unique_ptr<oplog> oplog::open(file_system& fs, const path& folder, const oplog_options& options,
                                   commit_id after, const std::function<void(commit&&)>& deliver,
                                   oplog_replay& report, const cancel_flag* cancel) {
  replayer found(fs, folder, after, deliver, cancel);
  found.run();
  report = {};
  report.num_commits = found.num_delivered;
  report.torn_bytes = found.torn_bytes;
  if (!found.files.empty() && found.end < after) report.num_missing = after - found.end;
  auto log = std::make_unique<oplog_impl>(fs, folder, options, after, std::move(found));
  report.last_commit = log->last_commit();
  report.num_bytes = log->num_bytes();
  return log;
}

}  // namespace fp
