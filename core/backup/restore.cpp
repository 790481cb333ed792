#include "core/backup/restore.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/checksum.hpp"
#include "core/base/error.hpp"
#include "core/index/manifest.hpp"
#include "core/segment/segment_stream_checker.hpp"
#include "core/segment/stored_segment.hpp"

namespace fp {

namespace {

namespace format = backup_format;

constexpr size_t buffer_bytes = size_t{256} << 10;

/// Counts and checksums what is read.
class stream_reader {
 public:
  stream_reader(backup_source& source, const cancel_flag* cancel) : source_(source), cancel_(cancel) {}

  uint64_t offset() const noexcept { return offset_; }
  uint64_t digest() const noexcept { return checksum_.digest(); }

  /// Fills `out`, which is part of `what`.
  void read(std::span<std::byte> out, const char* what) {
    for (size_t done = 0; done < out.size();) {
      const size_t count = read_some(out.subspan(done));
      if (count == 0) {
        format::corrupt(offset_, std::string("ends within the ") + what + ", at least " +
                                     std::to_string(out.size() - done) + " more bytes expected");
      }
      done += count;
    }
    checksum_.update(out);
  }

  void expect_end() {
    std::byte more;
    if (read_some({&more, 1}) != 0) format::corrupt(offset_ - 1, "goes on behind its trailer");
  }

 private:
  size_t read_some(std::span<std::byte> out) {
    throw_if_cancelled(cancel_, "backup: offset " + std::to_string(offset_));
    try {
      const size_t count = source_.read(out);
      offset_ += count;
      return count;
    } catch (const error& e) {
      throw error(e.code(), "backup: offset " + std::to_string(offset_) + ": " + e.what());
    }
  }

  backup_source& source_;
  const cancel_flag* cancel_;
  uint64_t offset_ = 0;
  checksum_stream checksum_;
};

class restorer {
 public:
  restorer(file_system& fs, const path& data, backup_source& source, const cancel_flag* cancel)
      : fs_(fs), data_(data), cancel_(cancel), in_(source, cancel), buffer_(buffer_bytes) {}

  format::stream_header run() {
    std::array<std::byte, format::stream_header_bytes> header_part;
    in_.read(header_part, "stream header");
    header_ = format::decode_stream_header(header_part);
    while (manifest_.segments.size() < header_.num_segments) restore_segment(read_entry());
    read_trailer();
    in_.expect_end();

    if (!manifest_.segments.empty()) fs_.sync_directory(data_);
    has_manifest_ = true;
    write_manifest(fs_, data_, manifest_);
    if (read_manifest(fs_, data_) != manifest_) {
      throw error(errc::io_error, (data_ / manifest_file_name).string() + ": reads back as something else");
    }
    return header_;
  }

  /// As far as possible; the error that led here says more than one from here.
  void remove_all_written() noexcept {
    if (has_manifest_) remove_quietly(std::string(manifest_file_name));
    for (const std::string& name : files_) {
      remove_quietly(name + ".tmp");
      remove_quietly(name);
    }
    if (!has_manifest_) return;  // should a crash bring files back, nothing names them
    try {
      fs_.sync_directory(data_);
    } catch (...) {
      // Nothing more can be done.
    }
  }

 private:
  void remove_quietly(const std::string& name) noexcept {
    try {
      fs_.remove(data_ / name);
    } catch (...) {
      // The others may still go.
    }
  }

  format::segment_entry read_entry() {
    const uint64_t at = in_.offset();
    std::array<std::byte, format::entry_bytes> part;
    in_.read(part, "segment entry");
    const format::segment_entry entry = format::decode_entry(part, at);
    const auto& done = manifest_.segments;
    const uint64_t num_following = header_.num_segments - done.size() - 1;
    if (entry.position != done.size()) {
      format::corrupt(
          at, "segment " + std::to_string(entry.position) + ", expected segment " + std::to_string(done.size()));
    }
    if (!done.empty() && entry.first_commit - 1 != done.back().info.last_commit) {
      format::corrupt(at, "a segment that begins with commit " + std::to_string(entry.first_commit) +
                              " follows one that ends with " + std::to_string(done.back().info.last_commit));
    }
    if (num_following == 0 ? entry.last_commit != header_.index_version
                           : entry.last_commit >= header_.index_version) {
      format::corrupt(at, "a segment that ends with commit " + std::to_string(entry.last_commit) + " in version " +
                              std::to_string(header_.index_version) + " of an index, followed by " +
                              std::to_string(num_following) + " segments");
    }
    // At least `segment_header_bytes`: the stream header's bytes are enough for all segments at their shortest, and
    // no segment so far took more than it left to those behind it.
    const uint64_t available =
        header_.num_bytes - in_.offset() - format::trailer_bytes - num_following * format::min_segment_bytes;
    if (entry.num_bytes < segment_header_bytes || entry.num_bytes > available) {
      format::corrupt(at, "a segment of " + std::to_string(entry.num_bytes) + " bytes, where " +
                              std::to_string(segment_header_bytes) + " to " + std::to_string(available) +
                              " are possible");
    }
    return entry;
  }

  void restore_segment(const format::segment_entry& entry) {
    const uint64_t at = in_.offset();
    header_page page;
    in_.read(page, "segment");
    const std::string label =
        "backup: offset " + std::to_string(at) + ": segment " + std::to_string(entry.position);
    segment_stream_checker checker(label, page, entry.num_bytes);
    const segment_info& info = checker.info();
    if (info.first_commit != entry.first_commit || info.last_commit != entry.last_commit) {
      format::corrupt(at, "a segment of commits " + std::to_string(info.first_commit) + " to " +
                              std::to_string(info.last_commit) + ", but its entry says " +
                              std::to_string(entry.first_commit) + " to " + std::to_string(entry.last_commit));
    }
    const std::string name = segment_file_name(info.first_commit, info.last_commit);
    const path file = data_ / name;
    path temporary = file;
    temporary += ".tmp";
    files_.push_back(name);
    {
      const auto out = fs_.create(temporary);
      out->write_at(0, page);
      for (uint64_t done = page.size(); done < entry.num_bytes;) {
        const auto piece = std::span(buffer_).first(std::min<uint64_t>(buffer_.size(), entry.num_bytes - done));
        in_.read(piece, "segment");
        checker.update(piece);
        out->write_at(done, piece);
        done += piece.size();
      }
      out->sync();
    }
    // Read back before the file gets its name, and looked into: checksums hold for nonsense, too.
    open_segment_as(label, fs_, temporary, &info, {load_mode::map, cancel_, {}});
    fs_.rename(temporary, file);
    manifest_.segments.push_back({name, info});
  }

  void read_trailer() {
    const uint64_t at = in_.offset();
    std::array<std::byte, format::trailer_bytes> part;
    constexpr size_t at_checksum = format::trailer_bytes - sizeof(uint64_t);
    in_.read(std::span(part).first<at_checksum>(), "trailer");
    const uint64_t computed = in_.digest();
    in_.read(std::span(part).subspan<at_checksum>(), "trailer");
    const format::trailer t = format::decode_trailer(part, at);
    if (t.checksum != computed) {
      format::corrupt(at + at_checksum, "checksum mismatch over the whole backup, stored " + to_hex16(t.checksum) +
                                            ", computed " + to_hex16(computed));
    }
    if (t.num_segments != header_.num_segments || t.num_bytes != in_.offset() || t.num_bytes != header_.num_bytes) {
      format::corrupt(at, "the trailer's totals are not those of the backup");
    }
  }

  file_system& fs_;
  const path& data_;
  const cancel_flag* cancel_;
  stream_reader in_;
  std::vector<std::byte> buffer_;
  format::stream_header header_;
  manifest manifest_;
  std::vector<std::string> files_;  ///< final names of all segment files that were begun
  bool has_manifest_ = false;       ///< or may have one
};

void require_empty(file_system& fs, const path& folder) {
  if (!fs.list(folder).empty()) throw error(errc::index_already_exists, folder.string() + ": is not empty");
}

}  // namespace

format::stream_header restore_backup(file_system& fs, backup_source& source, const index_folders& target,
                                     const cancel_flag* cancel) {
  require_empty(fs, target.data);
  require_empty(fs, target.oplog);
  restorer restore(fs, target.data, source, cancel);
  try {
    return restore.run();
  } catch (...) {
    restore.remove_all_written();
    throw;
  }
}

restored_index restore_index(data_folder& folder, const std::string& name, backup_source& source,
                             const cancel_flag* cancel) {
  restored_index result;
  result.record = folder.create_filled(name, [&](file_system& fs, const index_folders& target) {
    result.backup = restore_backup(fs, source, target, cancel);
  });
  return result;
}

}  // namespace fp
