#include "tests/core/faults/history.hpp"

#include <algorithm>
#include <set>

#include "core/base/error.hpp"
#include "core/search/search.hpp"
#include "tests/core/support/failing_allocation.hpp"

namespace fp::test {

namespace {

const path root = "/node/data";

std::string contents_difference(const snapshot& found, const naive_index& expected) {
  if (found.metadata().to_map() != expected.metadata()) return "other metadata";
  if (found.stats().num_documents != expected.documents().size()) {
    return std::to_string(found.stats().num_documents) + " documents for " +
           std::to_string(expected.documents().size());
  }
  searcher search;
  size_t number = 0;
  for (const auto& [id, document] : expected.documents()) {
    const auto state = found.find(id);
    if (!state || state->commit != document.commit) return "document " + std::to_string(id);
    if (number++ % 4 != 0) continue;
    const std::vector<hash_value> query(document.hashes.begin(), document.hashes.end());
    search_options options;
    options.min_score = 1;
    options.score_pct = 0;
    options.limit = 1000;
    if (search.search(found, query, options).results != expected.search(query, options)) {
      return "a search for document " + std::to_string(id);
    }
  }
  return {};
}

/// Whether the folders hold what they should and nothing besides.
std::string garbage(file_system& fs, const driven_node::index& i) {
  const manifest named = read_manifest(fs, i.folders.data);
  std::set<std::string> expected{std::string(manifest_file_name)};
  for (const auto& entry : named.segments) expected.insert(entry.file_name);
  for (const std::string& name : fs.list(i.folders.data)) {
    if (expected.erase(name) == 0) return name + " is left over";
  }
  return expected.empty() ? "" : *expected.begin() + " is missing";
}

std::string compare(driven_node& node, const ledger& known) {
  for (const auto& d : node.found().damaged) return "damaged: " + d.reason;
  for (const auto& name : node.found().unexpected) return "unexpected: " + name;
  for (const auto& [name, i] : node.indexes()) {
    if (!known.all().contains(name)) return name + " was never asked for";
  }
  for (const auto& [name, states] : known.all()) {
    std::string why;
    const bool fits = std::any_of(states.begin(), states.end(), [&, &index = name](const ledger::state& s) {
      const std::string one = s.has_value() != node.has(index) ? (s ? "is gone" : "is there")
                              : s                              ? difference(node.at(index), *s)
                                                               : "";
      why += (why.empty() ? "" : ", or ") + one;
      return one.empty();
    });
    if (!fits) return name + ": " + why;
  }
  return {};
}

}  // namespace

std::string difference(const driven_node::index& found, const naive_index& expected) {
  if (!found.failure.empty()) return found.failure;
  if (found.current->version() != expected.version()) {
    return "version " + std::to_string(found.current->version()) + " for " + std::to_string(expected.version());
  }
  return contents_difference(*found.current, expected);
}

std::string examine(const volatile_file_system& disk, const ledger& known) {
  const reliable_allocation reliable;
  volatile_file_system fs(disk);
  try {
    ledger after;
    {
      driven_node node(fs, root);
      if (std::string wrong = compare(node, known); !wrong.empty()) return wrong;
      for (const auto& [name, i] : node.indexes()) {
        if (std::string wrong = garbage(fs, *i); !wrong.empty()) return "after the start: " + wrong;
        const auto& states = known.all().at(name);
        naive_index model = **std::find_if(states.begin(), states.end(), [&, &found = *i](const ledger::state& s) {
          return s && difference(found, *s).empty();
        });
        const commit next = make_commit(model.version() + 1, {{77, {1, 2, 3}}});
        node.update(name, {next});
        model.apply(next);
        node.checkpoint(name);
        after.know(name, std::move(model));
      }
    }
    driven_node again(fs, root);
    if (std::string wrong = compare(again, after); !wrong.empty()) return "after a write: " + wrong;
    return {};
  } catch (const std::exception& e) {
    return std::string("threw: ") + e.what();
  }
}

struct history_steps {
  using step = std::pair<std::string, std::function<void(history&)>>;

  static const std::vector<step>& all() {
    static const std::vector<step> steps{
        {"create a", [](history& h) { h.create("a"); }},
        {"update a", [](history& h) { h.update("a"); }},
        {"update a, rotating", [](history& h) { h.update("a", 3); }},
        {"merge memory of a", [](history& h) { h.merge_memory("a"); }},
        {"checkpoint a", [](history& h) { h.checkpoint("a"); }},
        {"update a again", [](history& h) { h.update("a", 2); }},
        {"create b", [](history& h) { h.create("b"); }},
        {"update b", [](history& h) { h.update("b", 2); }},
        {"kill", [](history& h) { h.restart(false); }},
        {"update a after the kill", [](history& h) { h.update("a", 2); }},
        {"checkpoint a after the kill", [](history& h) { h.checkpoint("a"); }},
        {"merge files of a", [](history& h) { h.merge_files("a", 0, 2); }},
        {"update a after the merge", [](history& h) { h.update("a"); }},
        {"update a once more", [](history& h) { h.update("a"); }},
        {"checkpoint b", [](history& h) { h.checkpoint("b"); }},
        {"delete b", [](history& h) { h.erase("b"); }},
        {"update b, if it is there", [](history& h) { h.update("b"); }},
        {"create b again", [](history& h) { h.create("b"); }},
        {"update the new b", [](history& h) { h.update("b", 2); }},
        {"copy a to c", [](history& h) { h.copy("a", "c"); }},
        {"update c", [](history& h) { h.update("c"); }},
        {"restart", [](history& h) { h.restart(true); }},
        {"update a after the restart", [](history& h) { h.update("a"); }},
        {"checkpoint a after the restart", [](history& h) { h.checkpoint("a"); }},
        {"merge memory of c", [](history& h) { h.merge_memory("c"); }},
        {"checkpoint c", [](history& h) { h.checkpoint("c"); }},
        {"merge the first files of c", [](history& h) { h.merge_files("c", 0, 2); }},
        {"merge files of a again", [](history& h) { h.merge_files("a", 0, 2); }},
        {"delete c", [](history& h) { h.erase("c"); }},
        {"copy b to c", [](history& h) { h.copy("b", "c"); }},
        {"update c at last", [](history& h) { h.update("c"); }},
        {"update a at last", [](history& h) { h.update("a"); }},
        {"restart at last", [](history& h) { h.restart(true); }},
    };
    return steps;
  }
};

history::~history() = default;

size_t history::num_steps() { return history_steps::all().size(); }
const std::string& history::name_of(size_t step) { return history_steps::all()[step].first; }

bool history::run(size_t step) {
  const auto failed = [&](const char* why) {
    const reliable_allocation reliable;
    reason_ = why;
    return false;
  };
  try {
    history_steps::all()[step].second(*this);
    return true;
  } catch (const std::exception& e) {
    return failed(e.what());
  } catch (...) {
    return failed("something that is no std::exception");
  }
}

driven_node& history::node() {
  if (!node_) {
    node_ = std::make_unique<driven_node>(fs_, root);
    const reliable_allocation reliable;
    distrusted_.clear();
    for (const auto& [name, states] : known_.all()) settle(name);
  }
  return *node_;
}

/// Of several possible states, keeps the one that a loaded index is in.
void history::settle(const std::string& name) {
  const reliable_allocation reliable;
  auto& states = known_.possible(name);
  if (states.size() < 2) return;
  const bool is_there = node_->has(name);
  if (is_there && (!node_->at(name).failure.empty() || node_->may_hold_failed(name))) return;
  const auto fits = std::find_if(states.begin(), states.end(), [&](const ledger::state& s) {
    return s.has_value() == is_there && (!s || difference(node_->at(name), *s).empty());
  });
  if (fits != states.end()) known_.know(name, ledger::state(*fits));
}

/// Whether a client would reach the index.
bool history::is_usable(const std::string& name) {
  if (!node().has(name) || distrusted_.contains(name)) return false;
  node().ready(name);
  settle(name);
  return true;
}

void history::create(const std::string& name) {
  driven_node& n = node();
  if (n.has(name)) return;
  {
    const reliable_allocation reliable;
    known_.suspect(name, naive_index());
  }
  n.create(name);
  const reliable_allocation reliable;
  known_.know(name, naive_index());
}

void history::erase(const std::string& name) {
  driven_node& n = node();
  if (!n.has(name)) return;
  {
    const reliable_allocation reliable;
    known_.suspect(name, std::nullopt);
    if (only_trusted_) distrusted_.insert(name);
  }
  n.erase(name);
  const reliable_allocation reliable;
  distrusted_.erase(name);
  known_.know(name, std::nullopt);
}

void history::update(const std::string& name, size_t num_commits) {
  if (!is_usable(name)) return;
  std::vector<commit> commits;
  ledger::state before, after;
  {
    const reliable_allocation reliable;
    before = after = known_.possible(name).front();
    for (size_t i = 0; i < num_commits; i++) {
      commits.push_back(data_.commit_behind(after->version(), 8, 16));
      after->apply(commits.back());
    }
    known_.know(name, before);
    known_.suspect(name, after);
  }
  try {
    node().update(name, commits);
  } catch (...) {
    const reliable_allocation reliable;
    if (!node().may_hold_failed(name)) known_.know(name, before);
    throw;
  }
  const reliable_allocation reliable;
  known_.know(name, after);
}

void history::checkpoint(const std::string& name) {
  if (is_usable(name)) node().checkpoint(name);
}

void history::merge_files(const std::string& name, size_t first, size_t count) {
  if (is_usable(name)) node().merge_files(name, first, count);
}

void history::merge_memory(const std::string& name) {
  if (is_usable(name)) node().merge_memory(name);
}

void history::copy(const std::string& from, const std::string& to) {
  if (!is_usable(from) || node().has(to)) return;
  const auto backup = node().backup(from);
  ledger::state copied;
  {
    const reliable_allocation reliable;
    copied = known_.possible(from).front();
    known_.suspect(to, copied);
  }
  node().restore(to, backup);
  const reliable_allocation reliable;
  known_.know(to, copied);
}

void history::restart(bool clean) {
  if (clean) node().close();
  kill();
  node();
}

void history::kill() { node_.reset(); }

std::string history::examine_memory() {
  const reliable_allocation reliable;
  if (!node_) return {};
  for (const auto& [name, i] : node_->indexes()) {
    const auto& states = known_.possible(name);
    if (!i->failure.empty() || !states.front() || node_->may_hold_failed(name)) continue;
    const auto is_served = [&, &found = *i](const ledger::state& s) { return s && difference(found, *s).empty(); };
    if (std::none_of(states.begin(), states.end(), is_served)) {
      return name + " in memory: " + difference(*i, *states.front());
    }
  }
  return {};
}

}  // namespace fp::test
