#include "core/fpindex/data_folder_reader.hpp"

#include <algorithm>

#include "core/base/error.hpp"
#include "core/base/printable.hpp"
#include "core/fpindex/data_folder_format.hpp"
#include "core/fpindex/message_pack.hpp"
#include "core/index/data_folder.hpp"

namespace fp::fpindex {

namespace {

constexpr std::string_view data_suffix = ".data";
constexpr uint64_t max_record_bytes = 64 << 10;

void read_record(file_system& fs, const path& folder, stored_index& out) {
  const path file = folder / record_name;
  const auto text = read_file(fs, file, max_record_bytes);
  if (text.starts_with('{')) throw error(errc::unsupported_format, file.string() + ": of an index of fpnode");
  message_pack_reader in(file.string(), std::as_bytes(std::span(text)));
  std::string name;
  bool has_state = false;
  for (uint32_t left = in.map_header(); left > 0; left--) {
    const uint64_t at = in.offset();
    const char field = in.field();
    if (field == 'n') {
      name = in.string(max_record_bytes);
    } else if (field == 'g') {
      out.generation = in.number(max_generation);
    } else if (field == 'd') {
      out.is_deleted = in.boolean();
      has_state = true;
    } else {
      in.fail_at(at, "an unknown field");
    }
  }
  if (name != out.name) in.fail_at(0, "is of the index " + fp::quoted(name));
  if (out.generation == 0 || !has_state) in.fail_at(0, "lacks a field");
}

/// A generation that is not there is an index that nobody has written to, unless there is another one.
void require_only_generation(file_system& fs, const path& folder, const std::string& wanted) {
  if (fs.exists(folder / wanted)) return;
  for (const std::string& name : fs.list(folder)) {
    if (!name.starts_with('v') || !fs.is_directory(folder / name)) continue;
    throw error(errc::corrupt_data, (folder / record_name).string() + ": names generation folder " + wanted +
                                        ", which is not there; " + name + " is");
  }
}

}  // namespace

bool is_record(std::string_view contents) noexcept {
  if (contents.size() < 3) return false;
  const auto first = static_cast<uint8_t>(contents[0]);
  return (first & 0xf0) == 0x80 && contents[1] == '\xa1';
}

bool is_data_folder(file_system& fs, const path& root) noexcept {
  bool found = false;
  try {
    if (!fs.is_directory(root)) return false;
    for (const std::string& name : fs.list(root)) {
      const path file = root / name / record_name;
      if (!fs.exists(file)) continue;
      if (!is_record(read_file(fs, file, max_record_bytes))) return false;
      found = true;
    }
  } catch (...) {
    // Who uses the folder says what is wrong with it.
    return false;
  }
  return found;
}

std::vector<stored_index> read_data_folder(file_system& fs, const path& root) {
  std::vector<stored_index> out;
  for (const std::string& name : fs.list(root)) {
    const path folder = root / name;
    if (!fs.exists(folder / record_name)) continue;
    stored_index index;
    index.name = name;
    try {
      read_record(fs, folder, index);
      const auto generation = generation_folder(index.generation);
      index.data = folder / generation / data_folder_name;
      index.oplog = folder / generation / oplog_folder_name;
      if (!index.is_deleted) require_only_generation(fs, folder, generation);
    } catch (const error& e) {
      index.damage = e.what();
    }
    out.push_back(std::move(index));
  }
  return out;
}

std::vector<segment_info> read_manifest(file_system& fs, const path& data) {
  const path file = data / manifest_name;
  std::vector<segment_info> segments;
  if (!fs.exists(file)) return segments;
  const auto text = read_file(fs, file);
  if (text.empty()) return segments;
  message_pack_reader in(file.string(), std::as_bytes(std::span(text)));
  for (uint32_t left = in.array_header(); left > 0; left--) segments.push_back(read_segment_info(in));
  if (!in.at_end()) in.fail_at(in.offset(), "bytes behind the last segment");
  require_adjacent(segments, file.string());
  return segments;
}

void require_adjacent(const std::vector<segment_info>& segments, const std::string& place) {
  for (size_t i = 1; i < segments.size(); i++) {
    if (segments[i].goes_on_behind(segments[i - 1])) continue;
    throw error(errc::corrupt_data, place + ": a segment that begins with commit " +
                                        std::to_string(segments[i].commit) + " follows one that ends with commit " +
                                        std::to_string(segments[i - 1].last_commit()));
  }
}

std::vector<std::string> unnamed_segments(file_system& fs, const path& data,
                                          const std::vector<segment_info>& named) {
  std::vector<std::string> names, out;
  if (!fs.exists(data)) return out;
  for (const auto& info : named) names.push_back(segment_file_name(info));
  for (const std::string& name : fs.list(data)) {
    if (name.ends_with(data_suffix) && std::find(names.begin(), names.end(), name) == names.end())
      out.push_back(name);
  }
  return out;
}

}  // namespace fp::fpindex
