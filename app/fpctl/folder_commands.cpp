#include <CLI/CLI.hpp>
#include <algorithm>
#include <ostream>

#include "app/fpctl/command.hpp"
#include "core/check/check.hpp"
#include "core/check/repair.hpp"
#include "core/fpindex/data_folder_reader.hpp"
#include "core/fs/mapped_file_guard.hpp"

namespace fp::ctl {

namespace {

struct folder_arguments {
  std::string folder, index;
  std::vector<std::string> segment;
  bool no_lock = false;
};

void require_folder(const std::string& folder) {
  if (!posix_file_system().is_directory(folder)) throw error(errc::io_error, folder + ": is no folder");
  if (!fpindex::is_data_folder(posix_file_system(), folder)) return;
  throw error(errc::unsupported_format, folder +
                                            ": this is a data folder of fpindex; a running node takes it over by: "
                                            "fpctl import " +
                                            folder);
}

std::string place_of(const checked_file& f, const path& root) {
  const auto relative = f.file.lexically_relative(root);
  return relative.empty() ? f.file.string() : relative.string();
}

json file_json(const checked_file& f) {
  json j{{"file", f.file.string()}, {"verdict", to_string(f.verdict)}, {"num_bytes", f.num_bytes}};
  if (f.offset) j["offset"] = *f.offset;
  if (!f.reason.empty()) j["reason"] = f.reason;
  return j;
}

json report_json(const check_report& report) {
  json j{{"damaged", report.is_damaged()}, {"indexes", json::array()}, {"others", json::array()}};
  for (const auto& i : report.indexes) {
    json files = json::array();
    for (const auto& f : i.files) files.push_back(file_json(f));
    j["indexes"].push_back({{"name", i.name},
                            {"generation", i.generation},
                            {"deleted", i.deleted},
                            {"version", i.version},
                            {"damaged", i.is_damaged()},
                            {"files", std::move(files)}});
  }
  for (const auto& f : report.others) j["others"].push_back(file_json(f));
  return j;
}

void print_report(command_context& c, const check_report& report, const path& root) {
  table t({{"file"}, {"verdict"}, {"size", align::right}, {"offset", align::right}, {"note"}});
  size_t num_files = 0, num_damaged = 0, num_unreadable = 0;
  const auto add = [&](const checked_file& f) {
    num_files++;
    num_damaged += f.verdict == file_verdict::damaged;
    num_unreadable += f.verdict == file_verdict::unreadable;
    t.add({place_of(f, root), std::string(to_string(f.verdict)), bytes_text(f.num_bytes),
           f.offset ? grouped(*f.offset) : "", f.reason});
  };
  for (const auto& i : report.indexes) std::for_each(i.files.begin(), i.files.end(), add);
  std::for_each(report.others.begin(), report.others.end(), add);
  if (!t.empty()) t.print(c.out);
  c.out << grouped(num_files) << " files, " << grouped(num_damaged) << " damaged";
  if (num_unreadable > 0) c.out << ", " << grouped(num_unreadable) << " unreadable";
  c.out << "\n";
}

exit_code check_folder(command_context& c, const folder_arguments& a) {
  const mapped_file_guard guard;
  require_folder(a.folder);
  auto meter = c.make_meter("bytes");
  check_options options;
  options.take_lock = !a.no_lock;
  if (!a.index.empty()) options.index = a.index;
  options.on_progress = [&](uint64_t done, uint64_t total) { meter.update({done, total, done}); };
  const auto report = check_data_folder(posix_file_system(), a.folder, options);
  meter.clear();
  if (c.json_output) {
    c.print_json(report_json(report));
  } else {
    print_report(c, report, a.folder);
  }
  return report.is_damaged() ? exit_failed : exit_ok;
}

std::string commits_text(const repair_report& r) {
  if (r.first_lost == 0) return "none";
  auto text = grouped(r.first_lost) + " to " + grouped(r.last_lost);
  if (!r.is_last_known) text += ", perhaps more";
  return text;
}

std::string documents_text(const repair_report& r) {
  if (r.num_documents > 0) {
    return grouped(r.num_documents) + ", ids " + std::to_string(r.min_document) + " to " +
           std::to_string(r.max_document) + "; older versions of them may come back";
  }
  if (r.documents.empty()) return "none that can be read";
  std::string text;
  for (const auto id : r.documents) text += (text.empty() ? "" : " ") + std::to_string(id);
  return grouped(r.documents.size()) + " that can be read: " + text;
}

exit_code print_repair(command_context& c, const repair_report& r) {
  if (c.json_output) {
    json kept = json::array();
    for (const auto& file : r.kept_files) kept.push_back(file.string());
    c.print_json({{"kept_files", std::move(kept)},
                  {"first_lost", r.first_lost},
                  {"last_lost", r.last_lost},
                  {"is_last_known", r.is_last_known},
                  {"documents", r.documents},
                  {"num_documents", r.num_documents},
                  {"min_document", r.min_document},
                  {"max_document", r.max_document}});
    return exit_ok;
  }
  print_fields(c.out, {{"lost commits", commits_text(r)},
                       {"lost documents", documents_text(r)},
                       {"kept in", r.kept_files.empty() ? "nothing to keep" : r.kept_in.string()}});
  return exit_ok;
}

exit_code repair_folder(command_context& c, const folder_arguments& a) {
  const mapped_file_guard guard;
  require_folder(a.folder);
  auto& fs = posix_file_system();
  if (!a.index.empty()) return print_repair(c, cut_log(fs, a.folder, a.index));
  return print_repair(c, drop_segment(fs, a.folder, a.segment.at(0), a.segment.at(1)));
}

}  // namespace

void add_folder_commands(CLI::App& app, command_context& c) {
  const auto a = std::make_shared<folder_arguments>();
  auto* check =
      app.add_subcommand("check", "Verify every byte of a data folder that no node uses; changes nothing");
  check->add_option("DIR", a->folder, "The data folder")->required();
  check->add_option("--index", a->index, "This index alone");
  check->add_flag("--no-lock", a->no_lock,
                  "Look although a node may use the folder; what it writes may seem damaged");
  check->footer("Exit status: 0 all is fine, 1 something is damaged or cannot be read.");
  check->callback([&c, a] { c.chosen = [&c, a] { return check_folder(c, *a); }; });

  auto* repair = app.add_subcommand("repair", "Repair a data folder that no node uses, exactly as told");
  repair->add_option("DIR", a->folder, "The data folder")->required();
  auto* how = repair->add_option_group("how", "What to give up");
  how->add_option("--cut-log", a->index, "Cut the log of this index before its first damaged frame");
  how->add_option("--drop-segment", a->segment, "Put an empty segment in the place of a damaged one: INDEX FILE")
      ->expected(2);
  how->require_option(1);
  repair->footer("What is cut or replaced is kept in DIR/<index>/v<generation>/lost-<number>/.");
  repair->callback([&c, a] { c.chosen = [&c, a] { return repair_folder(c, *a); }; });
}

}  // namespace fp::ctl
