#include "core/index/data_folder.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "core/base/error.hpp"
#include "core/base/in_doubt_error.hpp"
#include "core/fpindex/data_folder_reader.hpp"
#include "core/index/checked_json.hpp"
#include "core/index/manifest.hpp"

namespace fp {

namespace {

constexpr uint64_t record_version = 1;
constexpr std::string_view staging_name = ".create.tmp";
constexpr std::string_view data_name = "data";
constexpr std::string_view oplog_name = "oplog";

std::string generation_name(uint64_t generation) { return "v" + std::to_string(generation); }

/// What an index's folder without a `current` is.
enum class leftover { interrupted_create, index_with_data, something_else };

/// Looks at everything in the folder: only what `create` makes, and nothing that was written later, may be removed.
leftover classify(file_system& fs, const path& folder) {
  bool has_data = false;
  for (const std::string& name : fs.list(folder)) {
    if (is_temporary_name(name)) continue;
    const path generation = folder / name;
    if (!parse_generation_name(name) || !fs.is_directory(generation)) return leftover::something_else;
    for (const std::string& part : fs.list(generation)) {
      if ((part != data_name && part != oplog_name) || !fs.is_directory(generation / part)) {
        return leftover::something_else;
      }
      for (const std::string& file : fs.list(generation / part)) {
        if (is_temporary_name(file)) continue;
        const bool is_manifest = part == data_name && file == manifest_file_name;
        if (!is_manifest || !read_manifest(fs, generation / part).segments.empty()) has_data = true;
      }
    }
  }
  return has_data ? leftover::index_with_data : leftover::interrupted_create;
}

bool holds_record_alone(file_system& fs, const path& folder) {
  return std::ranges::equal(fs.list(folder), std::array{data_folder::current_name});
}

/// For undoing: the error that made it necessary says more than one from here.
template <class Operation>
void try_to(const Operation& operation) noexcept {
  try {
    operation();
  } catch (...) {
    // What is left is removed by the next `scan` or `sweep`.
  }
}

void require_possible_generation(const std::string& name, uint64_t generation) {
  if (generation != 0 && generation <= max_generation) return;
  throw error(errc::generation_not_allowed,
              "index " + name + ": generation " + std::to_string(generation) + " is not allowed");
}

[[noreturn]] void conflict(errc code, const std::string& name, const index_record& record,
                           const std::string& what) {
  throw error(code, "index " + name + " has generation " + std::to_string(record.generation) +
                        (record.deleted ? " (deleted)" : "") + what);
}

slice slice_in(const std::string& text, const path& file) {
  try {
    return slice::parse(text);
  } catch (const error& e) {
    throw error(errc::corrupt_data, file.string() + ": " + e.what());
  }
}

}  // namespace

std::optional<uint64_t> parse_generation_name(std::string_view name) {
  uint64_t generation = 0;
  if (name.size() < 2 || name.front() != 'v') return std::nullopt;
  const auto [end, failure] = std::from_chars(name.data() + 1, name.data() + name.size(), generation);
  if (failure != std::errc() || end != name.data() + name.size() || generation_name(generation) != name) {
    return std::nullopt;
  }
  return generation;
}

bool is_valid_index_name(std::string_view name) noexcept {
  const auto is_allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  };
  return !name.empty() && name.size() <= 255 && std::all_of(name.begin(), name.end(), is_allowed);
}

void require_valid_index_name(std::string_view name) {
  if (is_valid_index_name(name)) return;
  std::string quoted;
  for (const char c : name.substr(0, 255)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || c == '"' || c == '\\') {
      quoted += {'\\', 'x', "0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
    } else {
      quoted += c;
    }
  }
  if (name.size() > 255) quoted += "...";
  throw error(errc::invalid_index_name,
              "invalid index name \"" + quoted + "\": 1 to 255 letters, digits, '_' and '-' are allowed");
}

bool is_reserved_index_name(std::string_view name) noexcept {
  constexpr std::string_view reserved[] = {"_fingerprint", "_health", "_metrics", "_ready"};
  return std::ranges::find(reserved, name) != std::end(reserved);
}

data_folder::data_folder(file_system& fs, path root) : fs_(fs), root_(std::move(root)) {
  fs_.create_directories(root_);
  lock_ = fs_.lock(root_ / lock_name);
  fs_.list(root_);
}

data_folder::scan_result data_folder::scan() {
  scan_result result;
  fs_.sync_directory(root_);
  for (const std::string& name : fs_.list(root_)) {
    if (name == lock_name || name == changelog_name) continue;
    const path folder = root_ / name;
    if (name == staging_name || name == spool_name) {
      try_to([&] { fs_.remove_all(folder); });
      continue;
    }
    try {
      if (!is_valid_index_name(name) || !fs_.is_directory(folder)) {
        result.unexpected.push_back(name);
      } else if (const auto record = read_record(name)) {
        // A process that was killed may have left a record that only the page cache has. Of a deleted index nothing
        // else is removed before its record is durable.
        if (!record->deleted || !holds_record_alone(fs_, folder)) fs_.sync_directory(folder);
        result.indexes.push_back(*record);
      } else if (classify(fs_, folder) == leftover::interrupted_create) {
        fs_.remove_all(folder);
      } else {
        result.unexpected.push_back(name);
      }
    } catch (const error& e) {
      result.damaged.push_back({name, e.what()});
    }
  }
  return result;
}

data_folder::create_result data_folder::create(const std::string& name, const create_request& request) {
  require_valid_index_name(name);
  if (request.generation) require_possible_generation(name, *request.generation);
  const auto existing = read_record(name);
  if (existing && !existing->deleted) {
    if (request.expect_does_not_exist) conflict(errc::index_already_exists, name, *existing, "; it must not exist");
    if (request.lineage != existing->lineage && (request.lineage != 0 || request.generation)) {
      conflict(errc::index_already_exists, name, *existing,
               existing->lineage == 0 ? ", of its own and not of lineage " + std::to_string(request.lineage)
                                      : " and follows lineage " + std::to_string(existing->lineage) + ", not " +
                                            std::to_string(request.lineage));
    }
    const uint64_t wanted = request.generation.value_or(existing->generation);
    if (wanted < existing->generation) {
      conflict(errc::older_index_already_exists, name, *existing, ", above the wanted " + std::to_string(wanted));
    }
    if (wanted > existing->generation) {
      conflict(errc::newer_index_already_exists, name, *existing, ", below the wanted " + std::to_string(wanted));
    }
    // An earlier create may have failed between making the record and making it durable.
    fs_.sync_directory(root_ / name);
    return {*existing, false};
  }

  if (is_staged(name)) throw error(errc::index_not_ready, "index " + name + " is being restored");
  index_record record = next_record(name, existing);
  if (request.generation) {
    if (*request.generation < record.generation) {
      conflict(errc::older_index_already_exists, name, *existing,
               ", not below the wanted " + std::to_string(*request.generation));
    }
    record.generation = *request.generation;
  }
  record.lineage = request.lineage;
  record.part = request.part;
  record.filled = request.lineage == 0;
  // An interrupted create may have left this generation half made. Nobody has used it yet.
  fs_.remove_all(root_ / name / generation_name(record.generation));
  const index_folders made = folders(record);
  fs_.create_directories(made.data);
  fs_.create_directories(made.oplog);
  write_manifest(fs_, made.data, {});
  write_record(root_ / name, record);
  return {record, true};
}

index_record data_folder::next_record(const std::string& name, const std::optional<index_record>& existing) {
  if (is_reserved_index_name(name)) {
    throw error(errc::invalid_index_name, "invalid index name \"" + name + "\": requests about the node have it");
  }
  if (existing) {
    if (existing->generation >= max_generation) {
      conflict(errc::generation_not_allowed, name, *existing, ", the last one possible");
    }
    return {name, existing->generation + 1, false};
  }
  if (fs_.exists(root_ / name) && classify(fs_, root_ / name) != leftover::interrupted_create) {
    throw error(errc::io_error, (root_ / name).string() + ": is in the way and is not an index");
  }
  return {name, 1, false};
}

bool data_folder::is_staged(const std::string& name) const {
  return std::ranges::any_of(staged_, [&](const auto& entry) { return entry.second == name; });
}

path data_folder::staging_folder(uint64_t number) const { return root_ / staging_name / std::to_string(number); }

data_folder::staged_index data_folder::stage(const std::string& name, const stage_request& request) {
  require_valid_index_name(name);
  if (request.generation) require_possible_generation(name, *request.generation);
  const auto existing = read_record(name);
  if (existing && !existing->deleted && !request.replace) {
    conflict(errc::index_already_exists, name, *existing, "; it must not exist");
  }
  if (is_staged(name)) throw error(errc::index_already_exists, "index " + name + " is being restored already");
  auto record = next_record(name, existing);
  if (request.generation && *request.generation >= record.generation) {
    record.generation = *request.generation;
  } else if (request.generation && !request.replace) {
    conflict(errc::older_index_already_exists, name, *existing,
             ", not below the wanted " + std::to_string(*request.generation));
  }
  record.lineage = request.lineage;
  record.part = request.part;
  staged_index staged{++num_staged_, record, {}, request.replaced};
  const path staging = staging_folder(staged.number);
  const path generation = staging / generation_name(staged.record.generation);
  staged.folders = {generation / data_name, generation / oplog_name};
  staged_.emplace(staged.number, name);
  try {
    fs_.remove_all(staging);
    fs_.create_directories(staged.folders.data);
    fs_.create_directories(staged.folders.oplog);
  } catch (...) {
    end_staging(staged.number);
    throw;
  }
  return staged;
}

void data_folder::publish(const staged_index& staged) {
  const std::string& name = staged.record.name;
  if (staged_.count(staged.number) == 0) {
    throw error(errc::cancelled, "index " + name + ": its restore has been called off");
  }
  const path staging = staging_folder(staged.number);
  const auto existing = read_record(name);
  const bool is_there = existing && !existing->deleted && existing->lineage == staged.replaced;
  if (staged.record.lineage != 0 && !is_there) {
    throw error(errc::cancelled,
                "index " + name + ": lineage " + std::to_string(staged.replaced) + " has gone meanwhile");
  }
  if (existing) {
    publish_generation(staging, staged.record, *existing);
  } else {
    bool may_remove = true;
    try {
      publish_index(staging, staged.record, may_remove);
    } catch (...) {
      if (!may_remove) keep_staging(staged.number);
      throw;
    }
  }
  end_staging(staged.number);
}

void data_folder::discard(uint64_t number) noexcept {
  if (staged_.count(number) > 0) end_staging(number);
}

void data_folder::end_staging(uint64_t number) noexcept {
  staged_.erase(number);
  const bool is_last = staged_.empty() && !keeps_staging_;
  try_to([&] { fs_.remove_all(is_last ? root_ / staging_name : staging_folder(number)); });
}

void data_folder::keep_staging(uint64_t number) noexcept {
  staged_.erase(number);
  keeps_staging_ = true;
}

/// The folder of the whole index, `current` included, gets its name in one step.
void data_folder::publish_index(const path& staging, const index_record& record, bool& may_remove) {
  const path folder = root_ / record.name;
  write_record(staging, record);
  fs_.remove_all(folder);
  try {
    fs_.rename(staging, folder);
    fs_.sync_directory(root_);
  } catch (...) {
    may_remove = false;
    try_to([&] {
      // A failed rename does not tell whether it took effect.
      if (fs_.exists(folder)) fs_.rename(folder, staging);
      fs_.sync_directory(root_);
      may_remove = true;
    });
    throw;
  }
}

/// `current` of the deleted or replaced index makes the new generation, in its place by then, the live one.
void data_folder::publish_generation(const path& staging, const index_record& record, const index_record& before) {
  const path folder = root_ / record.name;
  const std::string generation = generation_name(record.generation);
  fs_.remove_all(folder / generation);
  bool may_be_live = false;
  try {
    fs_.rename(staging / generation, folder / generation);
    fs_.sync_directory(folder);
    may_be_live = true;
    write_record(folder, record);
  } catch (...) {
    try_to([&] {
      if (may_be_live) write_record(folder, before);
      fs_.remove_all(folder / generation);
    });
    throw;
  }
}

index_record data_folder::find(const std::string& name) {
  require_valid_index_name(name);
  const auto record = read_record(name);
  if (!record || record->deleted) {
    throw error(errc::index_not_found, record_file_of(fs_, root_ / name).string() +
                                           (record ? ": the index has been deleted" : ": there is none"));
  }
  fs_.sync_directory(root_ / name);
  return *record;
}

void data_folder::mark_filled(const index_record& record) {
  auto live = find(record.name);
  if (live.generation != record.generation) {
    throw error(errc::index_not_found,
                "index " + record.name + " has no generation " + std::to_string(record.generation) + " any more");
  }
  live.filled = true;
  write_record(root_ / record.name, live);
}

std::optional<index_record> data_folder::erase(const std::string& name) {
  require_valid_index_name(name);
  auto record = read_record(name);
  if (!record) return std::nullopt;
  if (record->deleted) {
    // An earlier delete may have been left in doubt.
    fs_.sync_directory(root_ / name);
    return std::nullopt;
  }
  const index_record was = *record;
  record->deleted = true;
  try {
    write_record(root_ / name, *record);
  } catch (const in_doubt_error&) {
    throw;
  } catch (const error& e) {
    if (e.code() != errc::no_space) throw;
    erase_without_room(root_ / name);
  }
  return was;
}

/// What frees room must not need any, and another name does not.
void data_folder::erase_without_room(const path& folder) {
  const path record = folder / current_name, erased = folder / erased_name;
  bool may_be_erased = true;
  try {
    fs_.rename(record, erased);
    fs_.sync_directory(folder);
  } catch (const error& e) {
    try_to([&] {
      if (fs_.exists(erased)) fs_.rename(erased, record);
      fs_.sync_directory(folder);
      may_be_erased = false;
    });
    if (!may_be_erased) throw;
    throw in_doubt_error(e.code(),
                         std::string(e.what()) + "; undoing it failed too, so that the index may be deleted");
  }
}

void data_folder::remove_generation(const std::string& name, uint64_t generation) {
  require_valid_index_name(name);
  const auto record = read_record(name);
  if (record && !record->deleted && record->generation == generation) {
    throw error(errc::internal_error, "index " + name + ": generation " + std::to_string(generation) + " is live");
  }
  fs_.remove_all(root_ / name / generation_name(generation));
}

void data_folder::sweep(const index_record& record) {
  const path folder = root_ / record.name;
  sweep_entries(folder, record);
  if (!fs_.exists(folder / erased_name)) return;
  // There is room now.
  if (!fs_.exists(folder / current_name)) write_record(folder, record);
  fs_.remove(folder / erased_name);
}

void data_folder::sweep_entries(const path& folder, const index_record& record) {
  for (const std::string& name : fs_.list(folder)) {
    const auto generation = parse_generation_name(name);
    if (is_temporary_name(name)) {
      fs_.remove(folder / name);
    } else if (generation && (record.deleted || *generation != record.generation)) {
      fs_.remove_all(folder / name);
    }
  }
}

index_folders folders_of(const path& root, const index_record& record) {
  const path generation = root / record.name / generation_name(record.generation);
  return {generation / data_name, generation / oplog_name};
}

path record_file_of(file_system& fs, const path& folder) {
  const path current = folder / data_folder::current_name, erased = folder / data_folder::erased_name;
  return fs.exists(current) || !fs.exists(erased) ? current : erased;
}

std::optional<index_record> read_index_record(file_system& fs, const path& root, const std::string& name) {
  const path folder = root / name, file = record_file_of(fs, folder);
  const bool is_erased = file.filename() == data_folder::erased_name;
  if (!is_erased && !fs.exists(file)) {
    if (fs.is_directory(folder) && classify(fs, folder) == leftover::index_with_data) {
      throw error(errc::corrupt_data, file.string() + ": missing, but the index has data");
    }
    return std::nullopt;
  }
  const auto contents = read_file(fs, file, 4096);
  if (fpindex::is_record(contents)) {
    throw error(errc::unsupported_format, folder.string() +
                                              ": an index of fpindex; a running node takes it over by "
                                              "`fpctl import` of fpindex's data folder");
  }
  uint64_t version = 0;
  const auto object = parse_checked_json(contents, {1, data_folder::slice_record_version}, file, &version);
  const json_reader in(object, file);
  index_record record{name, in.get_number("generation"), is_erased || in.get_bool("deleted")};
  if (version < data_folder::replica_record_version) {
    in.expect_only({"generation", "deleted"});
  } else {
    if (version < data_folder::slice_record_version) {
      in.expect_only({"generation", "deleted", "lineage", "filled"});
    } else {
      in.expect_only({"generation", "deleted", "lineage", "filled", "slice"});
      record.part = slice_in(in.get_string("slice"), file);
    }
    record.lineage = in.get_number("lineage", max_generation);
    record.filled = in.get_bool("filled");
  }
  if (record.generation == 0 || record.generation > max_generation) {
    throw error(errc::corrupt_data,
                file.string() + ": generation " + std::to_string(record.generation) + " is impossible");
  }
  return record;
}

void data_folder::write_record(const path& folder, const index_record& record) {
  nlohmann::json object{{"generation", record.generation}, {"deleted", record.deleted}};
  // What is no replica's is written so that older programs read it.
  if (record.lineage != 0) {
    object["lineage"] = record.lineage;
    object["filled"] = record.filled;
    if (!record.part.is_whole()) object["slice"] = record.part.text();
  }
  const auto version = record.lineage == 0      ? record_version
                       : record.part.is_whole() ? replica_record_version
                                                : slice_record_version;
  replace_file(fs_, folder / current_name, dump_checked_json(std::move(object), version));
}

}  // namespace fp
