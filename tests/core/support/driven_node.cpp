#include "tests/core/support/driven_node.hpp"

#include <algorithm>
#include <utility>

#include "core/backup/backup_writer.hpp"
#include "core/base/error.hpp"
#include "core/merge/merge.hpp"
#include "tests/core/support/backup_streams.hpp"
#include "tests/core/support/failing_allocation.hpp"

namespace fp::test {

namespace {

/// While JSON is written or read no allocation fails: the library's values allocate when they are destroyed, so
/// that a failure there ends the process, like a kill.
using json_at_work = reliable_allocation;

/// What actors log and go on from.
template <class Operation>
void try_to(const Operation& operation) {
  try {
    operation();
  } catch (const std::exception&) {
    // The next start does it.
  }
}

}  // namespace

driven_node::driven_node(file_system& fs, const path& root) : fs_(fs), folder_(fs, root) {
  {
    const json_at_work reliable;
    found_ = folder_.scan();
  }
  for (const index_record& record : found_.indexes) {
    try_to([&] { folder_.sweep(record); });
    if (record.deleted) continue;
    auto i = std::make_unique<index>();
    i->record = record;
    i->folders = folder_.folders(record);
    try {
      load(*i);
    } catch (const std::exception& e) {
      i->failure = e.what();
    }
    indexes_.emplace(record.name, std::move(i));
  }
  for (const auto& [name, reason] : found_.damaged) {
    auto i = std::make_unique<index>();
    i->record.name = name;
    i->failure = reason;
    indexes_.emplace(name, std::move(i));
  }
}

void driven_node::load(index& i) {
  i.log.reset();
  i.current = std::make_shared<const snapshot>();
  manifest named;
  {
    const json_at_work reliable;
    named = read_manifest(fs_, i.folders.data);
  }
  std::vector<segment_ptr> segments;
  for (const auto& [name, info] : named.segments)
    segments.push_back(open_segment(fs_, i.folders.data / name, &info));
  snapshot_ptr loaded = snapshot::from_segments(std::move(segments));
  std::vector<commit> replayed;
  i.log = oplog::open(
      fs_, i.folders.oplog, log_options, loaded->file_version(),
      [&](commit&& c) { replayed.push_back(std::move(c)); }, i.replayed);
  for (const commit& c : replayed) loaded = loaded->with_added(build_memory_segment({&c, 1}));
  i.current = std::move(loaded);
  i.failure.clear();
  try_to([&] { sweep_data_folder(fs_, i.folders.data, named); });
}

driven_node::index& driven_node::ready(const std::string& name) {
  index& i = at(name);
  if (i.failure.empty() && !i.log->is_broken()) return i;
  // Of an index whose record could not be read nobody knows the files.
  if (i.record.generation == 0) throw error(errc::index_failed, i.failure);
  i.failure = "being loaded";
  load(i);
  return i;
}

void driven_node::create(const std::string& name) {
  index_record record;
  {
    const json_at_work reliable;
    record = folder_.create(name, {}).record;
  }
  auto i = std::make_unique<index>();
  i->record = record;
  i->folders = folder_.folders(record);
  i->failure = "being loaded";
  index& made = *indexes_.insert_or_assign(name, std::move(i)).first->second;
  load(made);
}

void driven_node::erase(const std::string& name) {
  const json_at_work reliable;
  if (!folder_.erase(name)) return;
  const index_record record = at(name).record;
  indexes_.erase(name);
  try_to([&] { folder_.remove_generation(name, record.generation); });
}

void driven_node::restore(const std::string& name, std::span<const std::byte> backup) {
  auto i = std::make_unique<index>();
  {
    const json_at_work reliable;
    i->record = restore_index(folder_, fs_, name, backup).record;
  }
  i->folders = folder_.folders(i->record);
  i->failure = "being loaded";
  index& made = *indexes_.insert_or_assign(name, std::move(i)).first->second;
  load(made);
}

std::vector<std::byte> driven_node::backup(const std::string& name) {
  const index& i = ready(name);
  backup_writer writer(i.current, name, i.record.generation);
  return read_all(writer);
}

void driven_node::update(const std::string& name, const std::vector<commit>& commits) {
  index& i = ready(name);
  const segment_ptr built = build_memory_segment(commits);
  // Now and then somebody else has taken the log's place meanwhile.
  if (++updates_ % 2 == 0) open_files::place taken(*log_options.files);
  i.log->append(commits);
  try {
    i.current = i.current->with_added(built);
  } catch (...) {
    // The log has them and memory has not: only a replay makes them agree.
    i.failure = "indexing a commit failed";
    i.log.reset();
    throw;
  }
}

void driven_node::checkpoint(const std::string& name) {
  index& i = ready(name);
  const size_t first = i.current->num_file_segments(), count = i.current->entries().size() - first;
  if (count == 0) return;
  const auto entries = i.current->entries();
  const path file = i.folders.data / merged_file_name(*entries[first].segment, *entries.back().segment);
  store(i, first, count, merge_to_file(*i.current, first, count, fs_, file, load_mode::map));
  try_to([&] { i.log->truncate(i.current->file_version()); });
}

void driven_node::merge_files(const std::string& name, size_t first, size_t count) {
  index& i = ready(name);
  if (first + count > i.current->num_file_segments()) return;
  std::vector<segment_ptr> files;
  for (const auto& e : i.current->entries().first(i.current->num_file_segments())) files.push_back(e.segment);
  const snapshot_ptr from = snapshot::from_segments(files);
  const path file = i.folders.data / merged_file_name(*files[first], *files[first + count - 1]);
  store(i, first, count, merge_to_file(*from, first, count, fs_, file, load_mode::map));
}

void driven_node::merge_memory(const std::string& name) {
  index& i = ready(name);
  const size_t first = i.current->num_file_segments(), count = i.current->entries().size() - first;
  if (count < 2) return;
  i.current = i.current->with_replaced(first, count, merge_to_memory(*i.current, first, count));
}

void driven_node::store(index& i, size_t first, size_t count, const segment_ptr& merged) {
  snapshot_ptr next = i.current->with_replaced(first, count, merged);
  manifest names;
  for (const auto& e : next->entries().first(next->num_file_segments())) {
    names.segments.push_back({segment_file_name(*e.segment), e.segment->info()});
  }
  std::vector<std::string> obsolete;
  for (const auto& e : i.current->entries().subspan(first, count)) {
    if (!e.segment->is_memory()) obsolete.push_back(segment_file_name(*e.segment));
  }
  {
    const json_at_work reliable;
    write_manifest(fs_, i.folders.data, names);
  }
  i.current = std::move(next);
  std::erase(obsolete, segment_file_name(*merged));
  for (const std::string& file : obsolete) try_to([&] { fs_.remove(i.folders.data / file); });
}

void driven_node::close() {
  for (const auto& [name, i] : indexes_) {
    if (i->log) i->log->close();
  }
}

}  // namespace fp::test
