#include "core/changelog/feed_log.hpp"

#include <algorithm>
#include <utility>

#include "core/base/error.hpp"
#include "core/changelog/local_format.hpp"
#include "core/oplog/log_replayer.hpp"

namespace fp {

feed_log::feed_log(file_system& fs, path folder, const feed_log_options& options,
                   const std::function<void(feed_position, std::span<const uint8_t>)>& deliver)
    : fs_(fs),
      folder_(std::move(folder)),
      options_(options),
      reader_(fs, folder_, options.files, options.window, true),
      recent_(options.max_recent) {
  if (fs_.exists(folder_)) open(deliver);
}

feed_log::~feed_log() = default;

void feed_log::open(const std::function<void(feed_position, std::span<const uint8_t>)>& deliver) {
  log_replayer found(fs_, folder_, 0, nullptr);
  if (!deliver) found.skip_to_newest(files_read_at_open);
  log_slice slice;
  for (;;) {
    {
      const open_files::place place(*options_.files);
      if (!found.next(slice)) break;
    }
    for (const commit_view& c : slice.commits) {
      if (c.changes.size() < local_format::append_id_bytes) {
        throw error(errc::corrupt_data,
                    slice.file.string() + ": the append up to position " + std::to_string(c.id) + " has no id");
      }
      append_id id;
      std::copy_n(c.changes.begin(), id.size(), id.begin());
      recent_.add(id, c.id);
      if (deliver) deliver(c.id, c.changes.subspan(local_format::append_id_bytes));
    }
  }
  oplog_replay report;
  log_ = oplog::open(std::move(found), {options_.max_file_bytes, options_.files, max_kept_bytes}, report);
}

feed_position feed_log::begin() const noexcept {
  return log_ && !log_->files().empty() ? log_->files().front().begin - 1 : newest();
}

void feed_log::append(std::span<const entry> entries) {
  if (entries.empty()) return;
  if (!log_) {
    fs_.create_directories(folder_);
    open({});
  }
  // A failure in the middle of an append of several frames leaves the first ones, and is told as a doubt.
  bool is_first = true;
  while (!entries.empty()) {
    commit_batch batch;
    size_t bytes = 0, count = 0;
    feed_position last = newest();
    for (; count < entries.size() && (count == 0 || bytes + entries[count].changes.size() <= max_frame_bytes);
         count++) {
      const entry& e = entries[count];
      batch.push_back({last, last + e.num_changes, local_format::make_payload(e.id, e.changes)});
      last += e.num_changes;
      bytes += e.changes.size();
    }
    try {
      log_->append(batch);
      for (size_t i = 0; i < count; i++) recent_.add(entries[i].id, batch[i].id);
    } catch (...) {
      reader_.forget_bytes();
      broken_ = log_->is_broken() || !is_first || newest() != batch.front().previous;
      throw;
    }
    entries = entries.subspan(count);
    is_first = false;
  }
}

void feed_log::read(feed_position after, const read_limits& limits, const call_limits& call, feed_changes& out) {
  if (log_) reader_.read(log_->files(), after, limits, call, out);
}

void feed_log::truncate(feed_position floor) {
  if (!log_) return;
  log_->truncate(floor);
  if (!log_->files().empty()) reader_.forget_before(log_->files().front().begin);
}

void feed_log::close() {
  if (log_) log_->close();
}

}  // namespace fp
