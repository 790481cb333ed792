#include "tests/core/support/faulty_file_system.hpp"

#include <algorithm>
#include <utility>

namespace fp::test {

namespace {

class faulty_readable_file final : public readable_file {
 public:
  faulty_readable_file(faulty_file_system& fs, std::unique_ptr<readable_file> base, path file)
      : fs_(fs), base_(std::move(base)), path_(std::move(file)) {}

  uint64_t size() const override { return base_->size(); }
  file_identity identity() const override { return base_->identity(); }
  size_t read_at(uint64_t offset, std::span<std::byte> out) const override {
    return fs_.run(fs_operation::read, path_, [&] { return base_->read_at(offset, out); });
  }
  std::unique_ptr<mapped_file> map() const override {
    return fs_.run(fs_operation::map, path_, [&] { return base_->map(); });
  }

 private:
  faulty_file_system& fs_;
  std::unique_ptr<readable_file> base_;
  path path_;
};

class faulty_writable_file final : public writable_file {
 public:
  faulty_writable_file(faulty_file_system& fs, std::unique_ptr<writable_file> base, path file)
      : fs_(fs), base_(std::move(base)), path_(std::move(file)) {}

  uint64_t size() const override { return base_->size(); }
  void write_at(uint64_t offset, std::span<const std::byte> data) override {
    fs_.run(
        fs_operation::write, path_, [&] { base_->write_at(offset, data); },
        [&](const fs_fault& fault) {
          const size_t stored = std::min(fault.short_write, data.size());
          if (stored != 0) base_->write_at(offset, data.first(stored));
        });
  }
  void sync() override {
    fs_.run(
        fs_operation::sync, path_, [&] { base_->sync(); },
        [&](const fs_fault&) {
          if (fs_.on_failed_sync) fs_.on_failed_sync(path_);
        });
  }
  void truncate(uint64_t size) override {
    fs_.run(fs_operation::truncate, path_, [&] { base_->truncate(size); });
  }

 private:
  faulty_file_system& fs_;
  std::unique_ptr<writable_file> base_;
  path path_;
};

}  // namespace

void faulty_file_system::fail(uint64_t nth, const fs_fault& fault, std::optional<fs_operation> only) {
  const std::lock_guard guard(mutex_);
  countdown_ = nth;
  fault_ = fault;
  only_ = only;
}

void faulty_file_system::heal() {
  const std::lock_guard guard(mutex_);
  countdown_ = 0;
}

uint64_t faulty_file_system::num_operations() const {
  const std::lock_guard guard(mutex_);
  return history_.size();
}

uint64_t faulty_file_system::num_operations(fs_operation operation) const {
  const std::lock_guard guard(mutex_);
  return static_cast<uint64_t>(
      std::count_if(history_.begin(), history_.end(), [&](const record& r) { return r.operation == operation; }));
}

uint64_t faulty_file_system::num_failed() const {
  const std::lock_guard guard(mutex_);
  return num_failed_;
}

std::vector<faulty_file_system::record> faulty_file_system::history() const {
  const std::lock_guard guard(mutex_);
  return history_;
}

void faulty_file_system::reset_counts() {
  const std::lock_guard guard(mutex_);
  history_.clear();
  num_failed_ = 0;
}

std::optional<fs_fault> faulty_file_system::count(fs_operation operation, const path& file) {
  // A copy: it may be replaced by what it does.
  if (const auto hook = before) hook({operation, file});
  const std::lock_guard guard(mutex_);
  history_.push_back({operation, file});
  if (countdown_ == 0 || (only_ && *only_ != operation)) return std::nullopt;
  if (fault_.hits && !fault_.hits(file)) return std::nullopt;
  if (countdown_ > 1) {
    countdown_--;
    return std::nullopt;
  }
  if (!fault_.permanent) countdown_ = 0;
  num_failed_++;
  return fault_;
}

std::unique_ptr<readable_file> faulty_file_system::open(const path& file) {
  return run(fs_operation::open, file, [&]() -> std::unique_ptr<readable_file> {
    return std::make_unique<faulty_readable_file>(*this, base_.open(file), file);
  });
}

std::unique_ptr<writable_file> faulty_file_system::create(const path& file) {
  return run(fs_operation::create, file, [&]() -> std::unique_ptr<writable_file> {
    return std::make_unique<faulty_writable_file>(*this, base_.create(file), file);
  });
}

std::unique_ptr<writable_file> faulty_file_system::open_for_writing(const path& file) {
  return run(fs_operation::open_for_writing, file, [&]() -> std::unique_ptr<writable_file> {
    return std::make_unique<faulty_writable_file>(*this, base_.open_for_writing(file), file);
  });
}

bool faulty_file_system::exists(const path& file) {
  return run(fs_operation::exists, file, [&] { return base_.exists(file); });
}

bool faulty_file_system::is_directory(const path& file) {
  return run(fs_operation::is_directory, file, [&] { return base_.is_directory(file); });
}

uint64_t faulty_file_system::file_size(const path& file) {
  return run(fs_operation::file_size, file, [&] { return base_.file_size(file); });
}

std::vector<std::string> faulty_file_system::list(const path& directory) {
  return run(fs_operation::list, directory, [&] { return base_.list(directory); });
}

void faulty_file_system::rename(const path& from, const path& to) {
  run(fs_operation::rename, to, [&] { base_.rename(from, to); });
}

void faulty_file_system::remove(const path& file) {
  run(fs_operation::remove, file, [&] { base_.remove(file); });
}

void faulty_file_system::remove_all(const path& directory) {
  run(fs_operation::remove_all, directory, [&] { base_.remove_all(directory); });
}

void faulty_file_system::create_directories(const path& directory) {
  run(fs_operation::create_directories, directory, [&] { base_.create_directories(directory); });
}

void faulty_file_system::sync_directory(const path& directory) {
  run(fs_operation::sync_directory, directory, [&] { base_.sync_directory(directory); });
}

std::unique_ptr<file_lock> faulty_file_system::lock(const path& file) {
  return run(fs_operation::lock, file, [&] { return base_.lock(file); });
}

}  // namespace fp::test
