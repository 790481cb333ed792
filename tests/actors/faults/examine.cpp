#include "tests/actors/faults/examine.hpp"

#include <algorithm>
#include <set>

#include "core/index/manifest.hpp"
#include "tests/core/support/index_difference.hpp"

namespace fp::test {

namespace {

std::string compare(const std::map<std::string, acting_node::index>& found, const ledger& known) {
  const auto names = known.names();
  for (const auto& [name, i] : found) {
    if (std::ranges::find(names, name) == names.end()) return name + " was never asked for";
  }
  for (const auto& name : names) {
    const auto i = found.find(name);
    const auto why = differences(known.possible(name), i == found.end() ? nullptr : &i->second);
    if (!why.empty()) return name + ": " + why;
  }
  return {};
}

/// What does not belong into the folders of a node at rest, or is missing.
std::string garbage(file_system& fs, const std::map<std::string, acting_node::index>& found) {
  for (const std::string& name : fs.list(history_root)) {
    if (name == data_folder::lock_name) continue;
    const auto i = found.find(name);
    for (const std::string& part : fs.list(history_root / name)) {
      if (part == data_folder::current_name) continue;
      if (i == found.end() || parse_generation_name(part) != i->second.generation) {
        return (history_root / name / part).string() + " is left over";
      }
    }
    if (i == found.end()) continue;
    const auto& folders = i->second.folders;
    std::set<std::string> expected{std::string(manifest_file_name)};
    for (const auto& entry : read_manifest(fs, folders.data).segments) expected.insert(entry.file_name);
    for (const std::string& file : fs.list(folders.data)) {
      if (expected.erase(file) == 0) return (folders.data / file).string() + " is left over";
    }
    if (!expected.empty()) return (folders.data / *expected.begin()).string() + " is missing";
    for (const std::string& file : fs.list(folders.oplog)) {
      if (is_temporary_name(file)) return (folders.oplog / file).string() + " is left over";
    }
  }
  return {};
}

}  // namespace

acting_options history_options(uint64_t seed) {
  config settings = settings_at_rest();
  settings.checkpoint_threshold = 150;
  settings.max_memory_segments = 4;
  settings.checkpoint_age_ms = 4'000;
  settings.idle_merge_after_ms = 2'000;
  settings.merge = {.min_segment_size = 10,
                    .max_segment_size = 100'000,
                    .segments_per_level = 2,
                    .segments_per_merge = 3,
                    .max_segments = 6};
  return {.settings = settings, .seed = seed, .num_open_files = 1 + seed % 2, .next_version = jump_behind};
}

const ledger::state* find_state(const std::vector<ledger::state>& states, const snapshot_ptr& served) {
  const auto found = std::ranges::find_if(
      states, [&](const ledger::state& s) { return s && served && difference(*served, *s).empty(); });
  return found == states.end() ? nullptr : &*found;
}

std::string differences(const std::vector<ledger::state>& states, const acting_node::index* found) {
  std::string all;
  for (const auto& s : states) {
    std::string one;
    if (s.has_value() != (found != nullptr)) {
      one = s ? "is gone" : "is there";
    } else if (s) {
      one = found->current ? difference(*found->current, *s) : found->failure;
    }
    if (one.empty()) return {};
    all += (all.empty() ? "" : ", or ") + one;
  }
  return all;
}

std::string examine(const volatile_file_system& disk, const ledger& known) {
  volatile_file_system fs(disk);
  try {
    ledger after = empty_ledger();
    {
      acting_node node(fs, history_root, history_options(0));
      if (node.is_down()) return "the node has ended: " + node.log_text();
      const auto found = node.indexes();
      if (std::string wrong = compare(found, known); !wrong.empty()) return wrong;
      if (std::string wrong = garbage(fs, found); !wrong.empty()) return "after the start: " + wrong;
      for (const auto& name : known.names()) after.know(name, std::nullopt);
      for (const auto& [name, i] : found) {
        naive_index model = **find_state(known.possible(name), i.current);
        const commit_id before = model.version();
        const commit next = make_commit_behind(before, jump_behind(before), {{77, {1, 2, 3}}});
        node.update(name, {next});
        model.apply(next);
        node.checkpoint(name);
        after.know(name, std::move(model));
      }
    }
    acting_node again(fs, history_root, history_options(0));
    const auto found = again.indexes();
    if (std::string wrong = compare(found, after); !wrong.empty()) return "after a write: " + wrong;
    if (std::string wrong = garbage(fs, found); !wrong.empty()) return "after a write: " + wrong;
    return {};
  } catch (const std::exception& e) {
    return std::string("threw: ") + e.what();
  }
}

}  // namespace fp::test
