#include "core/oplog/oplog.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/base/checksum.hpp"
#include "core/base/error.hpp"
#include "core/oplog/log_replayer.hpp"
#include "core/oplog/oplog_format.hpp"

namespace fp {

namespace {

namespace format = oplog_format;

class oplog_impl final : public oplog {
 public:
  oplog_impl(const oplog_options& options, log_replayer&& found)
      : fs_(found.fs()),
        folder_(found.folder()),
        options_(options),
        files_(std::move(found.files)),
        last_commit_(std::max(found.end, found.after())),
        newest_(options.files ? options.files : std::make_shared<open_files>(1)) {
    const kept_file::use in_use(newest_);
    for (const std::string& name : found.temporaries) fs_.remove(folder_ / name);
    // A log that was closed is as its seal says until something is appended.
    sealed_ = found.seal.has_value();
    if (found.newest_is_torn_whole) {
      fs_.remove(file_path(files_.back()));
      files_.pop_back();
    } else if (!files_.empty()) {
      // A file of an older version does not hold what this one writes.
      newest_goes_on_ = found.end == last_commit_ && found.newest_version == format::version;
      if (!sealed_) {
        // A process that was killed may have left a frame which only the page cache has, and after a failed sync
        // the cache takes it for written: it must be written again. All before it was synced before it was begun.
        auto newest = fs_.open_for_writing(file_path(files_.back()));
        if (found.torn_bytes != 0) newest->truncate(files_.back().bytes);
        newest->write_at(found.last_write_offset, found.last_write);
        newest->sync();
        if (newest_goes_on_) newest_.file() = std::move(newest);
      }
    }
    fs_.sync_directory(folder_);
  }

  void append(std::span<const commit> commits) override {
    if (commits.empty()) return;
    check_appendable(commits);
    const kept_file::use in_use(newest_);
    if (sealed_ || unsealing_) unseal();
    const bool is_full = newest_goes_on_ && has_commits() && files_.back().bytes >= options_.max_file_bytes;
    if (!newest_goes_on_ || is_full || newest_is_suspect_) {
      start_file();
    } else if (!newest_.file()) {
      open_again();
    }
    const auto frame = encode_frame(commits);
    try {
      newest_.file()->write_at(files_.back().bytes, frame);
    } catch (...) {
      cut_back();
      throw;
    }
    try {
      newest_.file()->sync();
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
    while (files_.size() > 1 && files_[1].begin - 1 <= durable) {
      fs_.remove(file_path(files_.front()));
      files_.erase(files_.begin());
    }
  }

  void close() override {
    closed_ = true;
    // A log that nothing was ever written to has no end that could be missing.
    const bool is_new = files_.empty() && last_commit_ == 0;
    if (sealed_ || broken_ || is_new) return;
    const kept_file::use in_use(newest_);
    newest_.file().reset();
    std::byte bytes[format::seal_bytes];
    const logged_file newest = files_.empty() ? logged_file{} : files_.back();
    format::encode_seal({last_commit_, newest.begin, newest.bytes}, bytes);
    replace_file(fs_, folder_ / format::seal_name, bytes);
    sealed_ = true;
  }

  commit_id last_commit() const noexcept override { return last_commit_; }

  uint64_t num_bytes() const noexcept override {
    uint64_t sum = 0;
    for (const logged_file& log : files_) sum += log.bytes;
    return sum;
  }

  std::span<const logged_file> files() const noexcept override { return files_; }

 private:
  path file_path(const logged_file& log) const { return folder_ / format::file_name(log.begin); }

  /// Whether the newest file holds any.
  bool has_commits() const noexcept { return files_.back().bytes > format::file_header_bytes; }

  void check_appendable(std::span<const commit> commits) const {
    if (closed_) throw error(errc::internal_error, folder_.string() + ": append to a closed log");
    if (broken_) {
      throw error(errc::io_error, folder_.string() + ": an earlier write failed and could not be undone");
    }
    uint64_t payload_bytes = 0;
    commit_id last = last_commit_;
    for (const commit& c : commits) {
      if (c.id > max_commit_id) {
        throw error(errc::read_only,
                    folder_.string() + ": no commit can follow commit " + std::to_string(max_commit_id));
      }
      if (c.previous != last || c.id <= last) {
        throw error(errc::internal_error, folder_.string() + ": append of commit " + std::to_string(c.id) +
                                              " behind " + std::to_string(c.previous) + " after commit " +
                                              std::to_string(last));
      }
      last = c.id;
      if (!c.changes || c.changes->size() % 4 != 0) {
        throw error(errc::internal_error,
                    folder_.string() + ": commit " + std::to_string(c.id) + " is not encoded changes");
      }
      payload_bytes += format::commit_header_bytes(format::version) + c.changes->size();
    }
    if (payload_bytes > format::max_payload_bytes) {
      throw error(errc::payload_too_large, folder_.string() + ": an append of " + std::to_string(payload_bytes) +
                                               " bytes; at most " + std::to_string(format::max_payload_bytes) +
                                               " are allowed");
    }
  }

  /// Before anything is appended. After a failure it is to be called again.
  void unseal() {
    sealed_ = false;
    unsealing_ = true;
    fs_.remove(folder_ / format::seal_name);
    fs_.sync_directory(folder_);
    unsealing_ = false;
  }

  /// Begins the file that the next commit goes to. On a failure the log is as before.
  void start_file() {
    const logged_file next{last_commit_ + 1, format::file_header_bytes};
    if (!files_.empty() && files_.back().begin == next.begin) {
      // It holds no commit. A new file of that name shares no pages with the suspect one.
      newest_.file().reset();
      newest_goes_on_ = false;
      remove_or_break(file_path(next));
      files_.pop_back();
    }
    newest_.file().reset();
    const path file = file_path(next);
    try {
      std::byte header[format::file_header_bytes];
      format::encode_file_header(next.begin, header);
      auto out = fs_.create(file);
      out->write_at(0, header);
      out->sync();
      fs_.sync_directory(folder_);
      files_.push_back(next);
      newest_.file() = std::move(out);
      newest_goes_on_ = true;
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

  /// Opens the newest file, which was closed for others.
  void open_again() {
    const logged_file& log = files_.back();
    auto file = fs_.open_for_writing(file_path(log));
    if (const auto size = file->size(); size != log.bytes) {
      // Only a new open can tell what somebody has done to it.
      broken_ = true;
      throw error(errc::io_error, file_path(log).string() + ": has " + std::to_string(size) + " bytes instead of " +
                                      std::to_string(log.bytes) + ": somebody else has changed it");
    }
    newest_.file() = std::move(file);
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
      header.payload_bytes +=
          static_cast<uint32_t>(format::commit_header_bytes(format::version) + c.changes->size());
    header.num_commits = static_cast<uint32_t>(commits.size());
    header.begin = commits.front().previous + 1;

    // What one huge append needed is not kept for good.
    if (buffer_.capacity() > options_.max_kept_bytes) std::vector<std::byte>().swap(buffer_);
    buffer_.assign(header.frame_bytes(), std::byte{0});
    std::byte* out = buffer_.data() + format::frame_header_bytes;
    for (const commit& c : commits) out = format::put_commit(c, out);
    header.payload_checksum =
        checksum(std::span(buffer_).subspan(format::frame_header_bytes, header.payload_bytes));
    header.has_blank_sector = format::has_blank_sector(files_.back().bytes, buffer_);
    if (header.has_blank_sector) format::mask_frame(header, buffer_);
    format::encode_frame_header(header, buffer_);
    return buffer_;
  }

  void cut_back() noexcept {
    try {
      newest_.file()->truncate(files_.back().bytes);
      newest_.file()->sync();
    } catch (...) {
      broken_ = true;
    }
  }

  file_system& fs_;
  path folder_;
  oplog_options options_;
  std::vector<logged_file> files_;  // oldest first; sizes without what a failed write left
  commit_id last_commit_;
  kept_file newest_;
  bool newest_goes_on_ = false;  // otherwise the next append must begin a new one
  std::vector<std::byte> buffer_;
  bool newest_is_suspect_ = false;  // a sync of it failed
  bool broken_ = false, closed_ = false;
  bool sealed_ = false;     // the seal is there, and tells the truth
  bool unsealing_ = false;  // it may still be there
};

}  // namespace

std::unique_ptr<oplog> oplog::open(log_replayer&& all_read, const oplog_options& options, oplog_replay& report) {
  report = {};
  report.num_commits = all_read.num_delivered;
  report.torn_bytes = all_read.torn_bytes;
  const commit_id after = all_read.after();
  if (!all_read.files.empty() && all_read.end < after) report.ends_early_at = all_read.end;
  auto log = std::make_unique<oplog_impl>(options, std::move(all_read));
  report.last_commit = log->last_commit();
  report.num_bytes = log->num_bytes();
  return log;
}

std::unique_ptr<oplog> oplog::open(file_system& fs, const path& folder, const oplog_options& options,
                                   commit_id after, const std::function<void(commit&&)>& deliver,
                                   oplog_replay& report, const cancel_flag* cancel) {
  log_replayer found(fs, folder, after, cancel);
  log_slice slice;
  while (found.next(slice)) {
    for (const commit_view& c : slice.commits) deliver(owned(c));
  }
  return open(std::move(found), options, report);
}

}  // namespace fp
