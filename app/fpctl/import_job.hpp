#pragma once

#include <functional>
#include <string>

#include "app/fpctl/command.hpp"
#include "app/fpctl/http_download.hpp"
#include "core/fpindex/data_folder_reader.hpp"
#include "core/fpindex/index_import.hpp"

namespace fp::ctl {

/// How indexes are imported.
struct import_settings {
  bool replace = false;
  bool salvage = false;
  unsigned threads = 1;
};

/// An index that came into the node.
struct imported_index {
  restore_reply restored;
  uint64_t generation = 0;  ///< that fpindex knows it by
  index_info info;
  fpindex::import_report report;
};

/// Brings one index of fpindex into the node. Throws what reading, converting and restoring throw; the node then
/// has what it had before.
class import_job {
 public:
  /// `spool`: an empty folder, which the caller removes.
  import_job(command_context& c, const import_settings& settings, path spool, std::string name);

  imported_index from_folder(const fpindex::stored_index& source);
  /// Of a running server, by `GET /NAME/_snapshot`.
  imported_index from_server(const http_url& server);
  /// Of a file (or "-", standard input) that holds what a server sends for that.
  imported_index from_file(const std::string& file);

 private:
  using file_function = std::function<path(size_t)>;

  /// What a stream holds, in the spool.
  struct received {
    uint64_t generation = 0;
    std::vector<fpindex::segment_info> segments;
  };

  /// `name`: of the stream, for errors.
  received receive(const std::string& name, fpindex::byte_source& stream);
  path spooled(const fpindex::segment_info& segment) const;
  imported_index bring(const received& from, std::vector<std::string> losses);

  fpindex::import_options options() const;
  /// Converts all segments, whose files are where `file_of` says, on all threads.
  void convert(fpindex::index_import& work, const file_function& file_of);
  imported_index send(fpindex::index_import& work, uint64_t generation);

  command_context& c_;
  import_settings settings_;
  path spool_;
  std::string name_;
  cancel_flag cancel_ = false;
  std::function<void(uint64_t)> on_bytes_;
};

}  // namespace fp::ctl
