#include "core/fpindex/data_folder_writer.hpp"

#include <span>
#include <vector>

#include "core/base/error.hpp"
#include "core/fpindex/data_folder_format.hpp"
#include "core/index/data_folder.hpp"

namespace fp::fpindex {

namespace {

path without_last_slash(const path& folder) {
  const path normal = std::filesystem::absolute(folder).lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

}  // namespace

data_folder_writer::data_folder_writer(file_system& fs, const path& target)
    : fs_(fs), target_(without_last_slash(target)), temporary_(target_) {
  temporary_ += ".export.tmp";
  require_empty_target();
  fs_.remove_all(temporary_);
  fs_.create_directories(temporary_);
}

data_folder_writer::~data_folder_writer() {
  if (finished_) return;
  try {
    fs_.remove_all(temporary_);
  } catch (const error&) {
    // What led here says more; the next run removes it.
  }
}

void data_folder_writer::require_empty_target() const {
  if (!fs_.exists(target_)) return;
  if (fs_.is_directory(target_) && fs_.list(target_).empty()) return;
  throw error(errc::io_error, target_.string() + " is there already and is no empty folder");
}

void data_folder_writer::add_index(const std::string& name, const snapshot_header& header,
                                   message_pack_reader& files,
                                   const std::function<void(uint64_t bytes)>& on_bytes) {
  require_valid_index_name(name);
  const path index = temporary_ / name, generation = index / generation_folder(header.generation);
  const path data = generation / data_folder_name;
  fs_.create_directories(data);
  fs_.create_directories(generation / oplog_folder_name);
  std::vector<std::byte> manifest;
  message_pack_writer segments(manifest);
  segments.array_header(static_cast<uint32_t>(header.files.size()));
  for (const auto& file : header.files) {
    write_file(data / segment_file_name(file.info), file.num_bytes, files, on_bytes);
    write(file.info, segments);
  }
  require_end_of_files(files);
  replace_file(fs_, data / manifest_name, manifest);
  std::vector<std::byte> current;
  message_pack_writer record(current);
  record.map_header(3);
  record.string("n");
  record.string(name);
  record.string("g");
  record.number(header.generation);
  record.string("d");
  record.boolean(false);
  replace_file(fs_, index / record_name, current);
}

void data_folder_writer::write_file(const path& file, uint64_t num_bytes, message_pack_reader& from,
                                    const std::function<void(uint64_t bytes)>& on_bytes) {
  const auto out = fs_.create(file);
  uint64_t written = 0;
  read_file_bytes(from, num_bytes, [&](std::span<const std::byte> piece) {
    out->write_at(written, piece);
    written += piece.size();
    if (on_bytes) on_bytes(piece.size());
  });
  out->sync();
}

void data_folder_writer::finish() {
  require_empty_target();
  fs_.rename(temporary_, target_);
  finished_ = true;
  fs_.sync_directory(target_.parent_path());
}

}  // namespace fp::fpindex
