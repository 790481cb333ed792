#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <ostream>
#include <set>
#include <thread>

#include "app/fpctl/command.hpp"
#include "app/fpctl/import_job.hpp"
#include "app/fpctl/import_spool.hpp"
#include "core/fs/mapped_file_guard.hpp"

namespace fp::ctl {

namespace {

// Each thread that converts takes some 32 MiB.
constexpr unsigned max_import_threads = 10;

struct import_arguments {
  std::string source, index, spool;
  bool replace = false, salvage = false;
};

/// What became of one index.
struct import_outcome {
  std::string name;
  std::optional<imported_index> imported;
  errc code = errc::internal_error;
  std::string failure;  ///< why it was not imported
  bool is_deleted = false;
  std::chrono::microseconds took{0};
};

using import_clock = std::chrono::steady_clock;

class import_run {
 public:
  import_run(command_context& c, const import_arguments& a)
      : c_(c),
        a_(a),
        settings_{a.replace, a.salvage, std::clamp(std::thread::hardware_concurrency(), 1u, max_import_threads)},
        spool_(posix_file_system(), a.spool.empty() ? std::filesystem::temp_directory_path() : path(a.spool)) {
    for (const auto& known : c.node().list().indexes) existing_.insert(known.name);
  }

  std::vector<import_outcome> from_server() {
    auto server = parse_plain_url(a_.source);
    if (!a_.index.empty() && !server.path.empty() && a_.index != server.path) {
      throw error(errc::bad_request, "the URL and --index name different indexes");
    }
    const auto name = a_.index.empty() ? server.path : a_.index;
    if (name.empty()) {
      throw error(errc::bad_request, a_.source + ": which index? fpindex lists none: give --index NAME");
    }
    if (name.find('/') != std::string::npos) throw error(errc::bad_request, a_.source + ": expected /INDEX");
    std::vector<import_outcome> outcomes;
    outcomes.push_back(import(name, [&](import_job& job) { return job.from_server(server); }));
    return outcomes;
  }

  std::vector<import_outcome> from_file() {
    const path file(a_.source);
    const auto name = a_.index.empty() && file.extension() == ".snapshot" ? file.stem().string() : a_.index;
    if (name.empty()) {
      throw error(errc::bad_request, a_.source + ": which index? A stream does not tell: give --index NAME");
    }
    std::vector<import_outcome> outcomes;
    outcomes.push_back(import(name, [&](import_job& job) { return job.from_file(a_.source); }));
    return outcomes;
  }

  std::vector<import_outcome> from_folder() {
    std::vector<import_outcome> outcomes;
    for (const auto& source : fpindex::read_data_folder(posix_file_system(), a_.source)) {
      if (!a_.index.empty() && source.name != a_.index) continue;
      if (source.is_deleted && source.damage.empty()) {
        outcomes.push_back({source.name, {}, {}, {}, true, {}});
        continue;
      }
      outcomes.push_back(import(source.name, [&](import_job& job) {
        if (!source.damage.empty()) throw error(errc::corrupt_data, source.damage);
        return job.from_folder(source);
      }));
    }
    if (!outcomes.empty()) return outcomes;
    if (!a_.index.empty()) throw error(errc::index_not_found, a_.source + ": there is no index " + a_.index);
    throw error(errc::bad_request, a_.source + ": no data folder of fpindex");
  }

 private:
  template <class Import>
  import_outcome import(const std::string& name, const Import& work) {
    import_outcome out;
    out.name = name;
    const auto start = import_clock::now();
    try {
      if (existing_.count(name) > 0 && !a_.replace) {
        throw error(errc::index_already_exists,
                    "index " + name + " exists in the node; --replace puts the imported one in its place");
      }
      import_job job(c_, settings_, spool_.make_folder(), name);
      out.imported = work(job);
    } catch (const error& e) {
      out.code = e.code();
      out.failure = e.what();
    }
    out.took = std::chrono::duration_cast<std::chrono::microseconds>(import_clock::now() - start);
    return out;
  }

  command_context& c_;
  const import_arguments& a_;
  import_settings settings_;
  import_spool spool_;
  std::set<std::string> existing_;
};

/// What a person should know of an import that went well.
std::vector<std::string> remarks_on(const imported_index& i) {
  std::vector<std::string> out;
  const auto& r = i.report;
  if (i.restored.generation != i.generation) {
    out.push_back("generation " + std::to_string(i.restored.generation) + " here, because the node has used " +
                  std::to_string(i.generation) + ", which it has in fpindex");
  }
  if (r.num_hidden > 0) {
    out.push_back(
        grouped(r.num_hidden) +
        " acknowledged commits lay behind damage, where fpindex itself does not find them: they came along");
  }
  if (r.num_repeating > 0) {
    out.push_back(grouped(r.num_repeating) +
                  " documents hold hashes more than once: fpindex scores those as often, a node once");
  }
  if (r.num_without_items > 0) {
    out.push_back(
        grouped(r.num_without_items) +
        " documents hold no hashes: as they were inserted, or their list is damaged, which nothing tells");
  }
  if (r.num_unnamed > 0)
    out.push_back(grouped(r.num_unnamed) + " segment files that no manifest names were left alone");
  out.insert(out.end(), r.notes.begin(), r.notes.end());
  for (const auto& loss : r.losses) out.push_back("not taken: " + loss);
  return out;
}

json outcome_json(const import_outcome& o) {
  json j{{"name", o.name}};
  if (o.is_deleted) {
    j["deleted"] = true;
    return j;
  }
  if (!o.imported) {
    j["error"] = {{"code", to_string(o.code)}, {"message", o.failure}};
    return j;
  }
  const auto& i = *o.imported;
  j.update({{"generation", i.restored.generation},
            {"fpindex_generation", i.generation},
            {"version", i.info.version},
            {"documents", i.info.num_documents},
            {"postings", i.info.num_postings},
            {"segments", i.restored.num_segments},
            {"bytes", i.restored.num_bytes},
            {"logged_commits", i.report.num_logged},
            {"hidden_commits", i.report.num_hidden},
            {"repeating_documents", i.report.num_repeating},
            {"documents_without_hashes", i.report.num_without_items},
            {"unnamed_segments", i.report.num_unnamed},
            {"notes", i.report.notes},
            {"losses", i.report.losses},
            {"elapsed_us", o.took.count()}});
  return j;
}

void print_outcomes(command_context& c, const std::vector<import_outcome>& outcomes) {
  table t({{"index"},
           {"version", align::right},
           {"generation", align::right},
           {"documents", align::right},
           {"segments", align::right},
           {"size", align::right},
           {"time", align::right}});
  for (const auto& o : outcomes) {
    if (!o.imported) continue;
    const auto& i = *o.imported;
    t.add({o.name, grouped(i.info.version), std::to_string(i.restored.generation), grouped(i.info.num_documents),
           grouped(i.restored.num_segments), bytes_text(i.restored.num_bytes), duration_text(o.took)});
  }
  if (!t.empty()) t.print(c.out);
  for (const auto& o : outcomes) {
    if (o.is_deleted) c.out << safe(o.name) << ": deleted in fpindex, and stays so\n";
    if (!o.imported) continue;
    for (const auto& remark : remarks_on(*o.imported)) c.out << safe(o.name) << ": " << safe(remark) << '\n';
  }
}

exit_code exit_code_of_all(const std::vector<import_outcome>& outcomes) {
  auto code = exit_ok;
  for (const auto& o : outcomes) {
    if (o.is_deleted) continue;
    if (!o.imported) return exit_code_of(o.code);
    if (!o.imported->report.losses.empty()) code = exit_incomplete;
  }
  return code;
}

exit_code import_indexes(command_context& c, const import_arguments& a) {
  const mapped_file_guard guard;
  auto& fs = posix_file_system();
  if (!is_url(a.source) && a.source != "-" && !fs.exists(a.source)) {
    throw error(errc::io_error, a.source + ": there is no such folder or file");
  }
  import_run run(c, a);
  const auto outcomes = is_url(a.source)            ? run.from_server()
                        : fs.is_directory(a.source) ? run.from_folder()
                                                    : run.from_file();
  for (const auto& o : outcomes) {
    if (!o.failure.empty()) c.complain(o.name + " not imported: " + o.failure);
  }
  if (c.json_output) {
    json all = json::array();
    for (const auto& o : outcomes) all.push_back(outcome_json(o));
    c.print_json({{"indexes", std::move(all)}});
  } else {
    print_outcomes(c, outcomes);
  }
  return exit_code_of_all(outcomes);
}

}  // namespace

void add_import_command(CLI::App& app, command_context& c) {
  auto a = std::make_shared<import_arguments>();
  auto* importing = app.add_subcommand("import", "Bring indexes of fpindex into the node");
  importing
      ->add_option("SOURCE", a->source,
                   "The data folder of a stopped fpindex, http://HOST:PORT of a running one, or a file that holds "
                   "what that sends for GET /NAME/_snapshot; - is standard input")
      ->required();
  importing->add_option("--index", a->index, "This index alone");
  importing->add_flag("--replace", a->replace,
                      "Put imported indexes in the place of those that the node has, once they are whole");
  importing->add_flag("--salvage", a->salvage, "Take what is whole of damaged ones, and list what is not");
  importing->add_option("--spool", a->spool, "Folder for what is made on the way, about as large as the indexes");
  importing->footer(
      "A stopped fpindex's folder holds everything; a running one sends only what it has written to files. A file "
      "NAME.snapshot\nis index NAME.\n"
      "--timeout bounds each wait for it.");
  importing->callback([&c, a] { c.chosen = [&c, a] { return import_indexes(c, *a); }; });
}

}  // namespace fp::ctl
