#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/index/data_folder.hpp"
#include "core/index/manifest.hpp"
#include "core/index/snapshot.hpp"
#include "core/oplog/oplog.hpp"

namespace fp::test {

/// A node without actors: does with core's classes, one thing after the other, what the actors do beside each
/// other, and fails as they do. Operations throw what a client would be told; an operation that threw may be tried
/// again.
class driven_node {
 public:
  /// One index, as its coordinator, its manifest actor and its oplog actor hold it between them.
  struct index {
    index_record record;
    index_folders folders;
    snapshot_ptr current = std::make_shared<const snapshot>();
    std::unique_ptr<oplog> log;
    oplog_replay replayed;  ///< what loading found in the log
    std::string failure;    ///< why it is not loaded; empty when it is
  };

  /// Takes the data folder and loads every index in it. An index that cannot be loaded is in `failure`.
  driven_node(file_system& fs, const path& root);

  /// An index, loaded again from its files first when it has failed or its log is broken.
  index& ready(const std::string& name);

  void create(const std::string& name);
  void erase(const std::string& name);
  /// A new index from the bytes of a backup.
  void restore(const std::string& name, std::span<const std::byte> backup);
  std::vector<std::byte> backup(const std::string& name);

  /// Durable when it returns. When it threw, `may_hold` tells whether the log may hold the commits all the same.
  void update(const std::string& name, const std::vector<commit>& commits);
  bool may_hold_failed(const std::string& name) { return !at(name).log || at(name).log->is_broken(); }

  void checkpoint(const std::string& name);
  void merge_files(const std::string& name, size_t first, size_t count);
  void merge_memory(const std::string& name);

  /// Seals all logs. No operation may follow.
  void close();

  bool has(const std::string& name) const { return indexes_.contains(name); }
  index& at(const std::string& name) { return *indexes_.at(name); }
  const std::map<std::string, std::unique_ptr<index>>& indexes() const { return indexes_; }
  const data_folder::scan_result& found() const { return found_; }

 private:
  // One log may be open, so that logs take turns.
  const oplog_options log_options{600, std::make_shared<open_files>(1)};
  uint64_t updates_ = 0;

  void load(index& i);
  void store(index& i, size_t first, size_t count, const segment_ptr& merged);

  file_system& fs_;
  data_folder folder_;
  data_folder::scan_result found_;
  std::map<std::string, std::unique_ptr<index>> indexes_;
};

}  // namespace fp::test
