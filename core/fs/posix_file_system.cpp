#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include "core/base/error.hpp"
#include "core/fs/file_system.hpp"
#include "core/fs/mapped_file_guard.hpp"

namespace fp {

namespace {

constexpr mode_t file_mode = 0640;
constexpr mode_t directory_mode = 0750;

[[noreturn]] void fail(const char* operation, const path& file, int error_number) {
  const bool full = error_number == ENOSPC || error_number == EDQUOT;
  throw error(full ? errc::no_space : errc::io_error, std::string("cannot ") + operation + " " + file.string() +
                                                          ": " + std::generic_category().message(error_number));
}

/// Repeats a system call that a signal interrupted.
template <class F>
auto uninterrupted(F&& call) {
  decltype(call()) result;
  do {
    result = call();
  } while (result == -1 && errno == EINTR);
  return result;
}

class descriptor {
 public:
  descriptor() = default;
  explicit descriptor(int fd) noexcept : fd_(fd) {}
  descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  // Linux frees the descriptor even when close reports EINTR: a second close could hit somebody else's file.
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const noexcept { return fd_; }

 private:
  int fd_ = -1;
};

descriptor open_descriptor(const char* operation, const path& file, int flags) {
  const int fd = uninterrupted([&] { return ::open(file.c_str(), flags | O_CLOEXEC, file_mode); });
  if (fd < 0) fail(operation, file, errno);
  return descriptor(fd);
}

/// Opening a pipe would wait for its other end, for ever perhaps.
void refuse_pipe(const char* operation, const path& file) {
  struct stat status;
  if (::stat(file.c_str(), &status) != 0 || !S_ISFIFO(status.st_mode)) return;
  throw error(errc::io_error, std::string("cannot ") + operation + " " + file.string() + ": a pipe, and no file");
}

descriptor open_file(const char* operation, const path& file, int flags) {
  refuse_pipe(operation, file);
  return open_descriptor(operation, file, flags);
}

uint64_t size_of(const descriptor& fd, const path& file) {
  struct stat status;
  if (::fstat(fd.get(), &status) != 0) fail("get the size of", file, errno);
  return static_cast<uint64_t>(status.st_size);
}

class posix_mapped_file final : public mapped_file {
 public:
  posix_mapped_file() = default;
  posix_mapped_file(const std::byte* data, size_t size) : bytes_(data, size) { guarded_.emplace(data, size); }
  ~posix_mapped_file() override {
    guarded_.reset();
    if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  }
  posix_mapped_file(const posix_mapped_file&) = delete;
  posix_mapped_file& operator=(const posix_mapped_file&) = delete;

  std::span<const std::byte> bytes() const noexcept override { return bytes_; }
  std::optional<uint64_t> unreadable_from() const noexcept override {
    const uint64_t offset = guarded_ ? guarded_->unreadable_from() : guarded_mapping::all_readable;
    return offset == guarded_mapping::all_readable ? std::nullopt : std::optional(offset);
  }
  void expect_random_reads() const noexcept override { advise(bytes_, MADV_RANDOM); }
  void will_read(std::span<const std::byte> bytes) const noexcept override {
    // Of what is asked for at once, Linux reads no more than its largest read ahead, or the device's largest
    // request.
    while (!bytes.empty()) {
      const auto some = bytes.first(std::min(bytes.size(), bytes_a_request));
      advise(some, MADV_WILLNEED);
      bytes = bytes.subspan(some.size());
    }
  }

 private:
  /// Of whole pages. A system that takes no advice is as right, and slower.
  static void advise(std::span<const std::byte> bytes, int advice) noexcept {
    static const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
    const auto begin = reinterpret_cast<uintptr_t>(bytes.data()) / page * page;
    const auto end = reinterpret_cast<uintptr_t>(bytes.data() + bytes.size());
    if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, advice);
  }

  static constexpr size_t bytes_a_request = size_t{128} << 10;

  std::span<const std::byte> bytes_;
  std::optional<guarded_mapping> guarded_;
};

class posix_readable_file final : public readable_file {
 public:
  posix_readable_file(descriptor fd, path file) : fd_(std::move(fd)), path_(std::move(file)) {}

  uint64_t size() const override { return size_of(fd_, path_); }
  file_identity identity() const override {
    struct stat status {};
    if (::fstat(fd_.get(), &status) != 0) fail("get the identity of", path_, errno);
    return {status.st_dev, status.st_ino};
  }

  size_t read_at(uint64_t offset, std::span<std::byte> out) const override {
    size_t done = 0;
    while (done < out.size()) {
      const ssize_t n = uninterrupted([&] {
        return ::pread(fd_.get(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
      });
      if (n < 0 && errno == EINVAL && use_cache()) continue;
      if (n < 0) fail("read", path_, errno);
      if (n == 0) break;
      done += static_cast<size_t>(n);
    }
    return done;
  }

  std::unique_ptr<mapped_file> map() const override {
    const uint64_t bytes = size();
    if (bytes == 0) return std::make_unique<posix_mapped_file>();
    void* data = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd_.get(), 0);
    if (data == MAP_FAILED) fail("map", path_, errno);
    try {
      return std::make_unique<posix_mapped_file>(static_cast<const std::byte*>(data), bytes);
    } catch (...) {
      ::munmap(data, bytes);
      throw;
    }
  }

 private:
  /// Goes on through the cache where a read past it is refused: some file systems cannot do it, and none does it at
  /// an odd offset, as behind the last whole block. False when that was not the reason.
  bool use_cache() const {
    const int flags = ::fcntl(fd_.get(), F_GETFL);
    return flags >= 0 && (flags & O_DIRECT) != 0 && ::fcntl(fd_.get(), F_SETFL, flags & ~O_DIRECT) == 0;
  }

  descriptor fd_;
  path path_;
};

class posix_writable_file final : public writable_file {
 public:
  posix_writable_file(descriptor fd, path file) : fd_(std::move(fd)), path_(std::move(file)) {}

  uint64_t size() const override { return size_of(fd_, path_); }

  void write_at(uint64_t offset, std::span<const std::byte> data) override {
    while (!data.empty()) {
      const ssize_t n =
          uninterrupted([&] { return ::pwrite(fd_.get(), data.data(), data.size(), static_cast<off_t>(offset)); });
      if (n < 0) fail("write", path_, errno);
      if (n == 0) fail("write", path_, EIO);
      data = data.subspan(static_cast<size_t>(n));
      offset += static_cast<uint64_t>(n);
    }
  }

  void sync() override {
    if (uninterrupted([&] { return ::fdatasync(fd_.get()); }) != 0) fail("sync", path_, errno);
  }

  void truncate(uint64_t size) override {
    if (uninterrupted([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(size)); }) != 0) {
      fail("truncate", path_, errno);
    }
  }

 private:
  descriptor fd_;
  path path_;
};

/// `flock` belongs to the open file description: it also keeps out another holder in the same process, and the
/// kernel lets go of it however the process ends.
class posix_file_lock final : public file_lock {
 public:
  explicit posix_file_lock(descriptor fd) noexcept : fd_(std::move(fd)) {}

 private:
  descriptor fd_;
};

/// The process id that a lock's holder wrote, for the message; empty when there is none.
std::string read_holder(const descriptor& fd) {
  char text[32];
  const ssize_t n = uninterrupted([&] { return ::pread(fd.get(), text, sizeof text, 0); });
  size_t digits = 0;
  while (n > 0 && digits < static_cast<size_t>(n) && text[digits] >= '0' && text[digits] <= '9') digits++;
  return std::string(text, digits);
}

bool get_status(const path& file, struct stat& status) {
  if (::stat(file.c_str(), &status) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  fail("look up", file, errno);
}

class posix_file_system_impl final : public file_system {
 public:
  std::unique_ptr<readable_file> open(const path& file) override {
    return std::make_unique<posix_readable_file>(open_file("open", file, O_RDONLY), file);
  }

  std::unique_ptr<readable_file> open_uncached(const path& file) override {
    refuse_pipe("open", file);
    const int fd = uninterrupted([&] { return ::open(file.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC); });
    // File systems in memory know no other way than the cache.
    if (fd < 0 && errno == EINVAL) return open(file);
    if (fd < 0) fail("open", file, errno);
    return std::make_unique<posix_readable_file>(descriptor(fd), file);
  }

  std::unique_ptr<writable_file> create(const path& file) override {
    return std::make_unique<posix_writable_file>(open_file("create", file, O_WRONLY | O_CREAT | O_TRUNC), file);
  }

  std::unique_ptr<writable_file> open_for_writing(const path& file) override {
    return std::make_unique<posix_writable_file>(open_file("open for writing", file, O_WRONLY), file);
  }

  bool exists(const path& file) override {
    struct stat status;
    return get_status(file, status);
  }

  bool is_directory(const path& file) override {
    struct stat status;
    return get_status(file, status) && S_ISDIR(status.st_mode);
  }

  uint64_t file_size(const path& file) override {
    struct stat status;
    if (::stat(file.c_str(), &status) != 0) fail("get the size of", file, errno);
    return static_cast<uint64_t>(status.st_size);
  }

  std::vector<std::string> list(const path& directory) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), ::closedir);
    if (!stream) fail("list", directory, errno);
    std::vector<std::string> names;
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(stream.get());
      if (entry == nullptr) break;
      std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(std::move(name));
    }
    if (errno != 0) fail("list", directory, errno);
    std::sort(names.begin(), names.end());
    return names;
  }

  void rename(const path& from, const path& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) {
      const int error_number = errno;
      fail(("rename " + from.string() + " to").c_str(), to, error_number);
    }
  }

  void remove(const path& file) override {
    if (::unlink(file.c_str()) != 0 && errno != ENOENT) fail("remove", file, errno);
  }

  void remove_all(const path& directory) override {
    std::error_code failure;
    std::filesystem::remove_all(directory, failure);
    if (failure) fail("remove", directory, failure.value());
  }

  void create_directories(const path& directory) override {
    std::vector<path> missing;
    path at = directory.lexically_normal();
    if (at.filename().empty() && at.has_relative_path()) at = at.parent_path();
    for (; !is_directory(at); at = folder_of(at)) {
      missing.push_back(at);
      if (at == folder_of(at)) break;
    }
    for (; !missing.empty(); missing.pop_back()) {
      const path& next = missing.back();
      if (::mkdir(next.c_str(), directory_mode) != 0) {
        const int error_number = errno;
        if (error_number == EEXIST && is_directory(next)) continue;
        fail("create folder", next, error_number);
      }
      try {
        sync_directory(folder_of(next));
      } catch (...) {
        // Left in place it would pass for durable the next time.
        ::rmdir(next.c_str());
        throw;
      }
    }
  }

  void sync_directory(const path& directory) override {
    const descriptor fd = open_descriptor("open folder", directory, O_RDONLY | O_DIRECTORY);
    if (uninterrupted([&] { return ::fsync(fd.get()); }) != 0) fail("sync folder", directory, errno);
  }

  std::unique_ptr<file_lock> lock(const path& file) override {
    descriptor fd = open_descriptor("open lock", file, O_RDWR | O_CREAT);
    if (uninterrupted([&] { return ::flock(fd.get(), LOCK_EX | LOCK_NB); }) != 0) {
      if (errno != EWOULDBLOCK) fail("lock", file, errno);
      const std::string holder = read_holder(fd);
      throw error(errc::data_folder_locked, "cannot lock " + file.string() + ": another process" +
                                                (holder.empty() ? "" : " (pid " + holder + ")") +
                                                " uses this data folder");
    }
    // The number only helps a person, so a full disk must not keep the node from starting.
    const std::string text = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd.get(), 0) == 0) {
      const ssize_t written = ::pwrite(fd.get(), text.data(), text.size(), 0);
      static_cast<void>(written);
    }
    return std::make_unique<posix_file_lock>(std::move(fd));
  }
};

}  // namespace

file_system& posix_file_system() {
  static posix_file_system_impl instance;
  return instance;
}

}  // namespace fp
