#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/fpindex/message_pack.hpp"
#include "core/fpindex/snapshot_header.hpp"
#include "core/fs/file_system.hpp"

namespace fp::fpindex {

/// Writes a data folder that fpindex can be started on (see `data_folder_format.hpp`), with empty logs.
///
/// It is made beside its place, as `<target>.export.tmp`, and gets its name when all of it is durable: it is there
/// whole, or not at all. What a killed run left there goes when the next one begins, and with the object.
class data_folder_writer {
 public:
  /// Throws `io_error` when there is something at the target that is no empty folder.
  data_folder_writer(file_system& fs, const path& target);
  ~data_folder_writer();
  data_folder_writer(const data_folder_writer&) = delete;
  data_folder_writer& operator=(const data_folder_writer&) = delete;

  /// Adds an index from a snapshot stream whose header has been read. `on_bytes` is told what was written since it
  /// was told last. Throws `corrupt_data` when the stream ends early or goes on behind the files.
  void add_index(const std::string& name, const snapshot_header& header, message_pack_reader& files,
                 const std::function<void(uint64_t bytes)>& on_bytes = {});
  /// Gives the folder its name. The object has done its work then.
  void finish();

 private:
  void write_file(const path& file, uint64_t num_bytes, message_pack_reader& from,
                  const std::function<void(uint64_t bytes)>& on_bytes);
  void require_empty_target() const;

  file_system& fs_;
  path target_, temporary_;
  bool finished_ = false;
};

}  // namespace fp::fpindex
