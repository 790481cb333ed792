#include <CLI/CLI.hpp>

#include "app/fpctl/command.hpp"
#include "app/fpctl/ingest.hpp"
#include "app/fpctl/ingest_inputs.hpp"

namespace fp::ctl {

namespace {

constexpr size_t max_shown_bad_lines = 20;

/// What failed, and what is in the index all the same.
error with_position(const error& e, const ingest& work, const ingest_options& o) {
  const auto before = work.started_at().documents, inserted = work.acknowledged().documents - before;
  std::string text = e.what();
  if (inserted == 0) return error(e.code(), text + "; nothing was inserted by this run");
  text += "; " + grouped(inserted) + " documents of this run are in the index";
  if (before > 0) text += ", after " + grouped(before) + " of earlier ones";
  if (!o.source.empty() && !o.state_folder.empty()) text += "; the same command, run again, continues behind them";
  return error(e.code(), text);
}

struct summary {
  uint64_t documents = 0, skipped = 0;
  std::chrono::microseconds elapsed{0};
  std::optional<upkeep_reply> stored;
  std::vector<std::string> left_alone;
};

void print_summary(const command_context& c, const ingest& work, const summary& s) {
  const auto before = work.started_at().documents;
  if (c.json_output) {
    json j{{"documents", s.documents},   {"documents_before", before}, {"hashes", work.hashes()},
           {"skipped_lines", s.skipped}, {"version", work.version()},  {"elapsed_us", s.elapsed.count()}};
    if (s.stored) j["checkpoint"] = as_json(*s.stored);
    if (!s.left_alone.empty()) j["left_alone"] = s.left_alone;
    c.print_json(j);
    return;
  }
  auto time = duration_text(s.elapsed);
  if (s.documents > 0 && s.elapsed.count() > 0) {
    time += ", " + grouped(s.documents * 1'000'000 / static_cast<uint64_t>(s.elapsed.count())) + " documents/s";
  }
  std::vector<std::pair<std::string, std::string>> fields{
      {"documents", grouped(s.documents) + " (" + grouped(work.hashes()) + " hashes)"},
      {"time", time},
      {"version", grouped(work.version())}};
  if (before > 0) fields.emplace_back("from before", grouped(before) + " documents");
  if (s.skipped > 0) fields.emplace_back("skipped", grouped(s.skipped) + " bad lines");
  if (s.stored) fields.emplace_back("in files", "up to version " + grouped(s.stored->file_version));
  print_fields(c.out, fields);
}

/// Puts files into the place of what was named, and returns what is left alone.
std::vector<std::string> expand_inputs(const command_context& c, ingest_options& o) {
  auto inputs = choose_inputs(o.files);
  o.files = std::move(inputs.files);
  if (const size_t count = inputs.left_alone.size(); count > 0) {
    c.complain("left alone " + grouped(count) +
               (count == 1 ? " file that is no stream" : " files that are no streams") +
               " of fingerprints: " + list_names(inputs.left_alone));
  }
  return std::move(inputs.left_alone);
}

exit_code run_ingest(command_context& c, ingest_options o, bool checkpoint) {
  summary s;
  s.left_alone = expand_inputs(c, o);
  if (o.source.empty()) o.source = source_name(o.files);
  o.state_folder = c.state_folder;
  o.ready_wait_ms = c.ready_wait_ms();
  o.patience = c.patience();
  ingest work(c.node(), o);
  const auto started = progress_meter::clock::now();
  {
    auto meter = c.make_meter("documents");
    work.on_bad_line = [&](const std::string& what) {
      if (++s.skipped > max_shown_bad_lines) return;
      meter.clear();
      c.complain(what);
      if (s.skipped == max_shown_bad_lines) c.complain("further bad lines are counted only");
    };
    work.on_note = [&](const std::string& what) {
      meter.clear();
      c.complain(what);
    };
    work.on_progress = [&](const ingest& w) {
      meter.update({w.source().bytes_read(), w.source().bytes_total(),
                    w.acknowledged().documents - w.started_at().documents});
    };
    try {
      work.run();
    } catch (const error& e) {
      throw with_position(e, work, o);
    }
  }
  s.elapsed = std::chrono::duration_cast<std::chrono::microseconds>(progress_meter::clock::now() - started);
  s.documents = work.acknowledged().documents - work.started_at().documents;
  if (checkpoint) s.stored = c.node().checkpoint(o.index);
  print_summary(c, work, s);
  return s.skipped + work.started_at().skipped > 0 ? exit_incomplete : exit_ok;
}

}  // namespace

void add_ingest_command(CLI::App& app, command_context& c) {
  auto o = std::make_shared<ingest_options>();
  auto checkpoint = std::make_shared<bool>(false);
  auto* sub = app.add_subcommand("ingest", "Insert fingerprints from files");
  sub->footer(
      "Lines are id|hashes, id<tab>hashes, label<tab>id<tab>hashes, hashes alone, the output of fpcalc -raw, "
      "-plain or\n"
      "-json, or objects of JSON with \"hashes\" or \"fingerprint\" and perhaps \"id\", printed over however many "
      "lines;\n"
      "gzip is told by its content. A batch is one atomic commit. An ingest that did not finish leaves a record "
      "in\n"
      "$XDG_STATE_HOME/fpctl (~/.local/state/fpctl), and the same command, run again, continues there.");
  sub->add_option("NAME", o->index, "The index")->required();
  sub->add_option("FILE", o->files, "Files to read, and folders of daily dumps; - is standard input")->required();
  auto* single = sub->add_option("--id", o->single_id, "Document id of the one fingerprint that has none")
                     ->check(CLI::Range(1u, 4294967295u));
  sub->add_option("--start-id", o->start_id,
                  "Document id of the first fingerprint that has none; the next get the next")
      ->check(CLI::Range(1u, 4294967295u))
      ->excludes(single);
  sub->add_option("--batch", o->batch_documents, "Documents a commit")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  sub->add_option("--source", o->source, "Name of the input for continuing (default: the files' paths)");
  sub->add_flag("--restart", o->restart,
                "Start at the beginning, even when an earlier ingest of this input did not finish");
  sub->add_flag("--keep-going", o->keep_going, "Skip lines that are wrong, and count them");
  sub->add_flag("--checkpoint", *checkpoint, "Write the index to files at the end");
  sub->callback([&c, o, checkpoint] { c.chosen = [&c, o, checkpoint] { return run_ingest(c, *o, *checkpoint); }; });
}

}  // namespace fp::ctl
