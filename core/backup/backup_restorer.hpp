#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/backup/backup_reader.hpp"
#include "core/base/cancel.hpp"
#include "core/fs/file_system.hpp"
#include "core/index/data_folder.hpp"
#include "core/index/manifest.hpp"

namespace fp {

/// Restores a backup that comes in pieces into the folders of a generation, which must exist and be empty: segment
/// files, each durable and read back when its last byte has come, then the manifest. No log is written: the index
/// goes on with the commit after the backup's version. Memory does not grow with the backup.
///
/// What was written stays when it fails, for the owner of the folders to remove.
class backup_restorer : private backup_listener {
 public:
  backup_restorer(file_system& fs, index_folders target, const cancel_flag* cancel = nullptr);

  /// Takes the next bytes. Throws what `backup_reader::update` does, `io_error`, `no_space` or `cancelled`.
  void update(std::span<const std::byte> bytes);
  /// There are no more bytes: completes the generation, durably. Returns what the backup says of itself. Throws
  /// `corrupt_data` when the backup is incomplete, `io_error`, `no_space` or `cancelled`.
  backup_format::stream_header finish();

  /// Moves the segments that are done to a folder, which is made, when the rest does not come: nothing more may be
  /// taken.
  void move_segments(const path& folder);

  /// Bytes taken so far.
  uint64_t offset() const noexcept { return reader_.offset(); }
  /// What the backup says of itself, as soon as that is there; else null.
  const backup_format::stream_header* header() const noexcept { return reader_.header(); }

 private:
  void begin_segment(const std::string& label, const segment_info& info,
                     std::span<const std::byte, segment_header_bytes> page) override;
  void segment_bytes(std::span<const std::byte> bytes) override;
  void end_segment() override;
  void throw_if_called_off() const;

  file_system& fs_;
  index_folders target_;
  const cancel_flag* cancel_;
  backup_reader reader_{this};
  manifest manifest_;  ///< of the segments that are done

  // The current segment.
  std::string label_;
  segment_info info_;
  path file_, temporary_;
  std::unique_ptr<writable_file> out_;
  uint64_t num_written_ = 0;
};

}  // namespace fp
