#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "core/base/error.hpp"
#include "core/fs/file_system.hpp"

namespace fp::test {

/// What `faulty_file_system` counts and fails. Sizes of open files are neither counted nor failed.
enum class fs_operation {
  open,
  create,
  open_for_writing,
  exists,
  is_directory,
  file_size,
  list,
  rename,
  remove,
  remove_all,
  create_directories,
  sync_directory,
  lock,
  read,
  map,
  write,
  sync,
  truncate,
};

/// How an operation fails.
struct fs_fault {
  errc code = errc::io_error;
  /// A write stores that many bytes before it fails.
  size_t short_write = 0;
  /// The operation takes effect in full and fails nevertheless.
  bool after_effect = false;
  /// All later operations (of the kind, if one was given) fail too.
  bool permanent = false;
  /// What is thrown is no `std::exception`.
  bool foreign = false;
  /// Whether operations on a file are counted and failed; empty: on every file. Called under a lock: it must not
  /// use the file system.
  std::function<bool(const path& file)> hits = {};
};

/// Wraps another file system, counts its operations and fails chosen ones. To fail every operation of a piece of
/// work in turn: run it once, take `num_operations()`, then repeat it with `fail(n, ...)` for each n. Safe for
/// use from many threads at once; must outlive the files that it opened.
class faulty_file_system final : public file_system {
 public:
  struct record {
    fs_operation operation;
    path file;

    friend bool operator==(const record&, const record&) = default;
  };

  explicit faulty_file_system(file_system& base) : base_(base) {}

  /// Fails the nth operation from now on (1: the next one), of one kind if given. Replaces an earlier call.
  void fail(uint64_t nth, const fs_fault& fault = {}, std::optional<fs_operation> only = std::nullopt);
  /// Runs before each operation, on its thread. To be set while no other thread uses the file system.
  std::function<void(const record&)> before;
  /// Told of a sync that fails before its effect, so that the file system below can forget what was not synced.
  std::function<void(const path& file)> on_failed_sync;
  /// Fails nothing more.
  void heal();

  uint64_t num_operations() const;
  uint64_t num_operations(fs_operation operation) const;
  uint64_t num_failed() const;
  /// All operations in order; the one on `rename` names the target.
  std::vector<record> history() const;
  /// Forgets counts and history.
  void reset_counts();

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

  /// Runs one operation, failing it if its turn has come; `partly` is run instead when it fails before its effect.
  /// For the files of this file system.
  template <class Effect, class Partly>
  auto run(fs_operation operation, const path& file, Effect&& effect, Partly&& partly) {
    const std::optional<fs_fault> fault = count(operation, file);
    if (!fault) return effect();
    if (fault->after_effect) {
      effect();
    } else {
      partly(*fault);
    }
    if (fault->foreign) throw fs_operation(operation);
    throw error(fault->code, "injected failure: " + file.string());
  }
  template <class Effect>
  auto run(fs_operation operation, const path& file, Effect&& effect) {
    return run(operation, file, effect, [](const fs_fault&) {});
  }

 private:
  std::optional<fs_fault> count(fs_operation operation, const path& file);

  file_system& base_;
  mutable std::mutex mutex_;
  std::vector<record> history_;
  uint64_t num_failed_ = 0;
  uint64_t countdown_ = 0;  // 0: fail nothing
  fs_fault fault_;
  std::optional<fs_operation> only_;
};

}  // namespace fp::test
