#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <optional>

#include "app/fpctl/command.hpp"
#include "app/fpctl/output_file.hpp"
#include "app/fpctl/restored_index.hpp"
#include "core/text/input_descriptor.hpp"

namespace fp::ctl {

namespace {

struct backup_options {
  std::string name;
  std::string file;
  std::string all_to;  ///< a folder
  bool force = false;
  bool replace = false;

  bool is_standard_stream() const { return file == "-"; }
};

using clock = progress_meter::clock;

std::chrono::microseconds since(clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(clock::now() - start);
}

void show_bytes(progress_meter& meter, uint64_t done, std::optional<uint64_t> total) {
  meter.update({done, total, done >> 10});
}

// -- Snapshot

/// Reads the backup into `write`, with progress.
backup_format::stream_header take(command_context& c, const std::string& name,
                                  const std::function<void(std::span<const std::byte>)>& write) {
  auto meter = c.make_meter("KiB");
  uint64_t done = 0;
  return c.node().snapshot(name,
                           [&](std::span<const std::byte> bytes, const backup_format::stream_header& header) {
                             write(bytes);
                             done += bytes.size();
                             show_bytes(meter, done, header.num_bytes);
                           },
                           {c.ready_wait_ms()});
}

exit_code snapshot(command_context& c, const backup_options& o) {
  if (o.is_standard_stream() && c.json_output) {
    c.complain("--json and a backup on standard output do not go together");
    return exit_usage;
  }
  const auto start = clock::now();
  backup_format::stream_header header;
  if (o.is_standard_stream()) {
    header = take(c, o.name, [&](std::span<const std::byte> bytes) { c.write_bytes(bytes); });
    return exit_ok;
  }
  {
    output_file file(o.file, o.force);
    header = take(c, o.name, [&](std::span<const std::byte> bytes) { file.write(bytes); });
    file.finish();
  }
  if (c.json_output) {
    c.print_json({{"name", header.index_name},
                  {"generation", header.generation},
                  {"version", header.index_version},
                  {"segments", header.num_segments},
                  {"bytes", header.num_bytes},
                  {"file", o.file},
                  {"elapsed_us", since(start).count()}});
    return exit_ok;
  }
  print_fields(c.out, {{"index", header.index_name},
                       {"version", grouped(header.index_version)},
                       {"generation", grouped(header.generation)},
                       {"segments", grouped(header.num_segments)},
                       {"size", bytes_text(header.num_bytes)},
                       {"time", duration_text(since(start))},
                       {"file", o.file}});
  return exit_ok;
}

/// One file for each index. What cannot be written of one does not stop the others.
exit_code snapshot_all(command_context& c, const backup_options& o) {
  std::error_code failed;
  std::filesystem::create_directories(o.all_to, failed);
  if (failed) throw error(errc::io_error, safe(o.all_to) + ": " + failed.message());
  auto report = json::array();
  table t({{"index"}, {"version", align::right}, {"size", align::right}, {"file"}});
  bool all_written = true;
  for (const auto& entry : c.node().list().indexes) {
    const auto name = (std::filesystem::path(o.all_to) / (entry.name + ".backup")).string();
    try {
      output_file file(name, o.force);
      const auto header = take(c, entry.name, [&](std::span<const std::byte> bytes) { file.write(bytes); });
      file.finish();
      t.add({entry.name, grouped(header.index_version), bytes_text(header.num_bytes), name});
      report.push_back(
          {{"name", entry.name}, {"version", header.index_version}, {"bytes", header.num_bytes}, {"file", name}});
    } catch (const error& e) {
      if (e.code() == errc::unreachable || e.code() == errc::no_space) throw;
      all_written = false;
      c.complain("index " + entry.name + ": " + e.what());
      report.push_back({{"name", entry.name}, {"error", {{"code", to_string(e.code())}, {"message", e.what()}}}});
    }
  }
  if (c.json_output) {
    c.print_json(report);
  } else if (t.empty()) {
    c.out << "no backups\n";
  } else {
    t.print(c.out);
  }
  return all_written ? exit_ok : exit_failed;
}

// -- Restore

restore_reply send(command_context& c, const backup_options& o) {
  input_descriptor input(o.file, c.patience());
  auto meter = c.make_meter("KiB");
  try {
    return c.node().restore(restore_request{o.name, 0, o.replace}, [&](std::span<std::byte> out) {
      const size_t count = input.read(out);
      show_bytes(meter, input.bytes_read(), input.bytes_total());
      return count;
    });
  } catch (const error& e) {
    if (e.code() != errc::index_already_exists) throw;
    throw error(e.code(), std::string(e.what()) + "; --replace puts the backup in its place");
  }
}

exit_code restore(command_context& c, const backup_options& o) {
  const auto start = clock::now();
  const auto restored = send(c, o);
  const auto info = wait_until_loaded(c, o.name);
  if (c.json_output) {
    c.print_json({{"name", o.name},
                  {"generation", restored.generation},
                  {"version", info.version},
                  {"documents", info.num_documents},
                  {"segments", restored.num_segments},
                  {"bytes", restored.num_bytes},
                  {"source", {{"name", restored.source_name}, {"generation", restored.source_generation}}},
                  {"elapsed_us", since(start).count()}});
    return exit_ok;
  }
  print_fields(c.out,
               {{"index", o.name},
                {"version", grouped(info.version)},
                {"generation", grouped(restored.generation)},
                {"documents", grouped(info.num_documents)},
                {"segments", grouped(restored.num_segments)},
                {"size", bytes_text(restored.num_bytes)},
                {"time", duration_text(since(start))},
                {"backup of", restored.source_name + ", generation " + grouped(restored.source_generation)}});
  return exit_ok;
}

}  // namespace

void add_backup_commands(CLI::App& app, command_context& c) {
  auto o = std::make_shared<backup_options>();
  auto* taking = app.add_subcommand("snapshot", "Write a backup of an index, as it is at this moment, to a file");
  taking->footer(
      "The node goes on serving meanwhile. The backup is checked on its way; the file appears when it is whole.");
  auto* name = taking->add_option("NAME", o->name, "The index");
  auto* file = taking->add_option("FILE", o->file, "The file; - is standard output");
  auto* all = taking->add_option("--all", o->all_to, "Every index, to NAME.backup in this folder")
                  ->type_name("DIR")
                  ->excludes(name)
                  ->excludes(file);
  taking->add_flag("--force", o->force, "Replace files that are there already");
  taking->callback([&c, o, file, all] {
    if (file->count() + all->count() == 0) throw CLI::RequiredError("NAME and FILE, or --all");
    c.chosen = [&c, o, all] { return all->count() > 0 ? snapshot_all(c, *o) : snapshot(c, *o); };
  });
  auto* restoring = app.add_subcommand("restore", "Make an index of a backup");
  restoring->footer(
      "The index appears when the whole backup is there and is good. One of that name must be gone, or --replace: "
      "it "
      "serves\nuntil then, and what is written to it meanwhile goes with it.");
  restoring->add_option("NAME", o->name, "The index that is made; it may have another name than that of the backup")
      ->required();
  restoring->add_option("FILE", o->file, "The backup; - is standard input")->required();
  restoring->add_flag("--replace", o->replace, "Put the restored index in the place of the one that is there");
  restoring->callback([&c, o] { c.chosen = [&c, o] { return restore(c, *o); }; });
}

}  // namespace fp::ctl
