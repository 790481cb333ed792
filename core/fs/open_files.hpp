#pragma once

#include <chrono>
#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>

#include "core/fs/file_system.hpp"

namespace fp {

/// Bounds how many files the indexes of a node have open at a time. Whoever opens one takes a place first. A file
/// that is written to again and again may stay open between two uses (`kept_file`), as long as nobody else needs
/// its place: then the one that was used longest ago is closed. Safe for use from many threads at once; the lock
/// is never held across I/O.
class open_files {
 public:
  /// Longer than a healthy disk takes for what the others do meanwhile.
  static constexpr std::chrono::milliseconds default_patience = std::chrono::minutes(1);

  /// Allows `capacity` files, at least 1. Who has waited for a place for `patience` gives up.
  explicit open_files(size_t capacity, std::chrono::milliseconds patience = default_patience);
  open_files(const open_files&) = delete;
  open_files& operator=(const open_files&) = delete;

  /// Room for one open file, until destruction. A thread that has one takes no second one: all could wait for each
  /// other.
  class place {
   public:
    /// Waits for room; throws `io_error` when there is none in time.
    explicit place(open_files& files) : files_(files) { files_.take(); }
    place(const place&) = delete;
    place& operator=(const place&) = delete;
    ~place() { files_.give_back(); }

   private:
    open_files& files_;
  };

  size_t capacity() const noexcept { return capacity_; }
  /// Files that are open now: places that are taken and files that are kept.
  size_t num_open() const;

 private:
  friend class kept_file;
  using file_list = std::list<std::unique_ptr<writable_file>>;

  void take();
  /// Counts a place as taken. Hands out what must be closed for it, to be closed without the lock.
  [[nodiscard]] std::unique_ptr<writable_file> take(std::unique_lock<std::mutex>& lock);
  void give_back() noexcept;

  const size_t capacity_;
  const std::chrono::milliseconds patience_;
  mutable std::mutex mutex_;
  std::condition_variable room_;
  size_t taken_ = 0;
  file_list kept_;    // not in use now, the one used longest ago first
  file_list closed_;  // were kept, and others needed their places: null
};

/// A file of one owner that stays open between uses as far as there is room. Serves one thread.
class kept_file {
 public:
  explicit kept_file(std::shared_ptr<open_files> files) : files_(std::move(files)), own_(1) {}
  kept_file(const kept_file&) = delete;
  kept_file& operator=(const kept_file&) = delete;
  ~kept_file();

  /// Takes a place until destruction; in it, `file` may be used.
  class use {
   public:
    /// Waits for room; throws `io_error` when there is none in time.
    explicit use(kept_file& kept) : kept_(kept) { kept_.begin_use(); }
    use(const use&) = delete;
    use& operator=(const use&) = delete;
    ~use() { kept_.end_use(); }

   private:
    kept_file& kept_;
  };

  /// The file, or null: it was never opened, or has been closed meanwhile. In a use only.
  std::unique_ptr<writable_file>& file() noexcept { return own_.front(); }

 private:
  void begin_use();
  void end_use() noexcept;

  std::shared_ptr<open_files> files_;
  /// One element: here while in use, in a list of `files_` otherwise. Moving it takes no memory, so nothing can
  /// fail when a use ends.
  open_files::file_list own_;
  open_files::file_list::iterator entry_ = own_.begin();
};

}  // namespace fp
