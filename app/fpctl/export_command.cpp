#include <CLI/CLI.hpp>
#include <iostream>
#include <optional>

#include "app/fpctl/command.hpp"
#include "app/fpctl/output_file.hpp"
#include "core/fpindex/data_folder_writer.hpp"

namespace fp::ctl {

namespace {

using clock = progress_meter::clock;

struct export_options {
  std::string name;    ///< empty: all indexes
  std::string file;    ///< empty: a folder
  std::string folder;  ///< empty: a file
  bool all = false, force = false;

  bool is_standard_output() const { return file == "-"; }
};

/// What became of one index.
struct exported_index {
  std::string name;
  fpindex::snapshot_header header;
  uint64_t num_bytes = 0;
};

/// A snapshot on its way, with progress.
class export_stream {
 public:
  export_stream(command_context& c, const std::string& name)
      : source_(c.node().fpindex_snapshot(name, c.ready_wait_ms())),
        in_("snapshot of " + name, *source_),
        meter_(c.make_meter("KiB")) {
    result_.name = name;
    result_.header = fpindex::read_snapshot_header(in_);
    total_ = result_.header.num_file_bytes();
    on_bytes(in_.offset());
    total_ += in_.offset();
  }

  const fpindex::snapshot_header& header() const noexcept { return result_.header; }
  fpindex::message_pack_reader& bytes() noexcept { return in_; }
  void on_bytes(uint64_t count) {
    result_.num_bytes += count;
    meter_.update({result_.num_bytes, total_, result_.num_bytes >> 10});
  }
  exported_index take_result() { return std::move(result_); }

 private:
  std::unique_ptr<snapshot_source> source_;
  fpindex::message_pack_reader in_;
  progress_meter meter_;
  exported_index result_;
  uint64_t total_ = 0;
};

/// As the node sends it.
exported_index export_stream_of(command_context& c, const std::string& name,
                                const std::function<void(std::span<const std::byte>)>& write) {
  export_stream stream(c, name);
  std::vector<std::byte> header;
  fpindex::message_pack_writer out(header);
  fpindex::write(stream.header(), out);
  write(header);
  for (const auto& file : stream.header().files) {
    fpindex::read_file_bytes(stream.bytes(), file.num_bytes, [&](std::span<const std::byte> bytes) {
      write(bytes);
      stream.on_bytes(bytes.size());
    });
  }
  fpindex::require_end_of_files(stream.bytes());
  return stream.take_result();
}

exported_index export_to_file(command_context& c, const export_options& o) {
  if (o.is_standard_output()) {
    return export_stream_of(c, o.name, [&](std::span<const std::byte> bytes) { c.write_bytes(bytes); });
  }
  output_file file(o.file, o.force);
  auto done = export_stream_of(c, o.name, [&](std::span<const std::byte> bytes) { file.write(bytes); });
  file.finish();
  return done;
}

std::vector<exported_index> export_to_folder(command_context& c, const export_options& o) {
  std::vector<std::string> names;
  if (o.all) {
    for (const auto& index : c.node().list().indexes) names.push_back(index.name);
  } else {
    names.push_back(o.name);
  }
  std::vector<exported_index> done;
  fpindex::data_folder_writer writer(posix_file_system(), o.folder);
  for (const auto& name : names) {
    export_stream stream(c, name);
    writer.add_index(name, stream.header(), stream.bytes(), [&](uint64_t bytes) { stream.on_bytes(bytes); });
    done.push_back(stream.take_result());
  }
  writer.finish();
  return done;
}

json as_json(const exported_index& index) {
  return {{"name", index.name},
          {"generation", index.header.generation},
          {"version", index.header.index_version()},
          {"segments", index.header.files.size()},
          {"bytes", index.num_bytes}};
}

void print(const command_context& c, const export_options& o, const std::vector<exported_index>& done,
           std::chrono::microseconds elapsed) {
  const std::string place = o.file.empty() ? "folder" : "file", where = o.file.empty() ? o.folder : o.file;
  if (c.json_output) {
    json indexes = json::array();
    for (const auto& index : done) indexes.push_back(as_json(index));
    c.print_json({{"indexes", std::move(indexes)}, {place, where}, {"elapsed_us", elapsed.count()}});
    return;
  }
  table indexes({{"index"},
                 {"version", align::right},
                 {"generation", align::right},
                 {"segments", align::right},
                 {"size", align::right}});
  for (const auto& index : done) {
    indexes.add({index.name, grouped(index.header.index_version()), grouped(index.header.generation),
                 grouped(index.header.files.size()), bytes_text(index.num_bytes)});
  }
  if (!indexes.empty()) indexes.print(c.out);
  print_fields(c.out, {{"time", duration_text(elapsed)}, {place, where}});
}

exit_code run_export(command_context& c, const export_options& o) {
  if (o.all == !o.name.empty() || o.file.empty() == o.folder.empty() || (o.all && o.folder.empty())) {
    c.complain("export takes NAME FILE, NAME --folder DIR, or --all --folder DIR");
    return exit_usage;
  }
  if (o.is_standard_output() && c.json_output) {
    c.complain("--json and a snapshot on standard output do not go together");
    return exit_usage;
  }
  const auto start = clock::now();
  std::vector<exported_index> done;
  if (o.folder.empty()) {
    done.push_back(export_to_file(c, o));
    if (o.is_standard_output()) return exit_ok;
  } else {
    done = export_to_folder(c, o);
  }
  print(c, o, done, std::chrono::duration_cast<std::chrono::microseconds>(clock::now() - start));
  return exit_ok;
}

}  // namespace

void add_export_command(CLI::App& app, command_context& c) {
  auto o = std::make_shared<export_options>();
  auto* command = app.add_subcommand("export", "Write an index in fpindex's format, as it is at this moment");
  command->footer(
      "A FILE holds what GET /NAME/_snapshot of fpindex streams; a DIR, which must not be there or be empty, is a\n"
      "data folder that fpindex can be started on. Both appear when they are whole. The node goes on serving.");
  command->add_option("NAME", o->name, "The index");
  command->add_option("FILE", o->file, "The file; - is standard output");
  command->add_option("--folder", o->folder, "Write a data folder of fpindex instead of a file");
  command->add_flag("--all", o->all, "All indexes, into a folder");
  command->add_flag("--force", o->force, "Replace the file if it is there already");
  command->callback([&c, o] { c.chosen = [&c, o] { return run_export(c, *o); }; });
}

}  // namespace fp::ctl
