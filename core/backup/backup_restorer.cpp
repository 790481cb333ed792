#include "core/backup/backup_restorer.hpp"

#include <utility>

#include "core/base/error.hpp"
#include "core/check/segment_check.hpp"
#include "core/segment/stored_segment.hpp"

namespace fp {

backup_restorer::backup_restorer(file_system& fs, index_folders target, const cancel_flag* cancel)
    : fs_(fs), target_(std::move(target)), cancel_(cancel) {}

void backup_restorer::throw_if_called_off() const {
  throw_if_cancelled(cancel_, "backup: offset " + std::to_string(reader_.offset()));
}

void backup_restorer::update(std::span<const std::byte> bytes) {
  throw_if_called_off();
  reader_.update(bytes);
}

void backup_restorer::begin_segment(const std::string& label, const segment_info& info,
                                    std::span<const std::byte, segment_header_bytes> page) {
  label_ = label;
  info_ = info;
  file_ = target_.data / segment_file_name(info.commits());
  temporary_ = file_;
  temporary_ += ".tmp";
  out_ = fs_.create(temporary_);
  out_->write_at(0, page);
  num_written_ = page.size();
}

void backup_restorer::segment_bytes(std::span<const std::byte> bytes) {
  out_->write_at(num_written_, bytes);
  num_written_ += bytes.size();
}

void backup_restorer::end_segment() {
  out_->sync();
  out_.reset();
  // Read back before the file gets its name, and looked into: checksums hold for nonsense, too.
  check_postings(*open_segment_as(label_, fs_, temporary_, &info_, {load_mode::map, cancel_, {}}), label_, cancel_);
  fs_.rename(temporary_, file_);
  manifest_.segments.push_back({file_.filename().string(), info_});
}

backup_format::stream_header backup_restorer::finish() {
  throw_if_called_off();
  const auto header = reader_.finish();
  if (!manifest_.segments.empty()) fs_.sync_directory(target_.data);
  write_manifest(fs_, target_.data, manifest_);
  if (read_manifest(fs_, target_.data) != manifest_) {
    throw error(errc::io_error, (target_.data / manifest_file_name).string() + ": reads back as something else");
  }
  return header;
}

void backup_restorer::move_segments(const path& folder) {
  if (manifest_.segments.empty()) return;
  fs_.create_directories(folder);
  for (const auto& segment : std::exchange(manifest_.segments, {})) {
    fs_.rename(target_.data / segment.file_name, folder / segment.file_name);
  }
}

}  // namespace fp
