#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/fs/file_system.hpp"

namespace fp::test {

/// What of the unsynced a power failure leaves. The ways to lose it all and to keep it all are the first two; every
/// other number draws at random: of each file any mixture of 512-byte sectors that were on their way, a size
/// between the old and the current one, and of the changes to folders any subset.
enum class power_failure : uint64_t { loses_all = 0, keeps_all = 1 };

/// A file system in memory that knows what of it would survive a power failure: the contents of files as of their
/// last `sync`, the entries of folders as of their last `sync_directory`. A copy is what another process would find
/// after this one was killed. Serves one thread; must outlive the files that it opened.
class volatile_file_system final : public file_system {
 public:
  volatile_file_system();
  volatile_file_system(const volatile_file_system& other);
  volatile_file_system& operator=(const volatile_file_system&) = delete;

  /// Cuts the power. No file may be open.
  void lose_power(power_failure how);

  /// What a failed sync does to a file: what was not synced is still read, but is marked as written and never
  /// gets to the disk, however often `sync` is called, unless it is written again.
  void fail_sync(const path& file);

  /// Called before every operation that changes something, and before every sync.
  std::function<void()> before_change;

  std::unique_ptr<readable_file> open(const path& file) override;
  std::unique_ptr<writable_file> create(const path& file) override;
  std::unique_ptr<writable_file> open_for_writing(const path& file) override;
  bool exists(const path& file) override;
  bool is_directory(const path& file) override;
  uint64_t file_size(const path& file) override;
  std::vector<std::string> list(const path& directory) override;
  void rename(const path& from, const path& to) override;
  void remove(const path& file) override;
  void remove_all(const path& directory) override;
  void create_directories(const path& directory) override;
  void sync_directory(const path& directory) override;
  std::unique_ptr<file_lock> lock(const path& file) override;

  /// What is read of a file.
  const std::string& contents_of(const path& file) const { return *nodes_[at("read", file)].visible; }

  using contents_ptr = std::shared_ptr<const std::string>;

  // For the files of this file system.
  contents_ptr contents(size_t id) const { return nodes_[id].visible; }
  void write(size_t id, uint64_t offset, std::span<const std::byte> data);
  void truncate(size_t id, uint64_t size);
  void sync(size_t id);
  void unlock(const path& file) { locked_.erase(file); }

 private:
  struct node {
    bool is_directory = false;
    std::map<std::string, size_t> entries, durable_entries;
    contents_ptr visible;                ///< what is read
    contents_ptr target;                 ///< what will be on the disk when all is written that is still to be
    std::vector<contents_ptr> versions;  ///< of `target`, from the last sync on
  };
  struct edit {
    size_t directory;
    std::string name;
    std::optional<size_t> target;  ///< nothing: removed
  };
  /// Edits that become durable together.
  using change = std::vector<edit>;

  void about_to_change();
  std::optional<size_t> find(const path& file) const;
  size_t at(const char* operation, const path& file) const;
  size_t parent_of(const char* operation, const path& file) const;
  size_t add_node(bool is_directory);
  void apply(change edits);
  void remove_below(size_t directory, const std::string& name);
  void commit(const change& edits);
  void set_contents(node& n, contents_ptr contents);
  static contents_ptr survivor(const node& n, power_failure how, uint64_t& random);

  std::vector<node> nodes_;
  std::vector<change> pending_;
  std::set<path> locked_;
};

}  // namespace fp::test
