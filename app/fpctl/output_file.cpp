#include "app/fpctl/output_file.hpp"

#include <unistd.h>

#include <atomic>

#include "app/process/ending_signals.hpp"
#include "core/base/error.hpp"

namespace fp::ctl {

namespace {

/// What a signal removes; null: nothing.
std::atomic<const char*> file_to_remove{nullptr};
ending_signal_handlers signals;

/// Only what a signal handler may do.
void remove_and_end(int number) {
  if (const char* file = file_to_remove.exchange(nullptr)) ::unlink(file);
  ending_signal_handlers::end_by(number);
}

void remove_on_signals(const char* file) {
  file_to_remove = file;
  signals.take(remove_and_end);
}

void keep_on_signals() {
  file_to_remove = nullptr;
  signals.give_back();
}

}  // namespace

output_file::output_file(std::string name, bool may_replace)
    : name_(std::move(name)), temporary_(name_), may_replace_(may_replace) {
  temporary_ += ".tmp";
  refuse_existing();
  remove_on_signals(temporary_.c_str());
  try {
    file_ = posix_file_system().create(temporary_);
  } catch (...) {
    keep_on_signals();
    throw;
  }
}

output_file::~output_file() {
  if (file_) {
    file_.reset();
    ::unlink(temporary_.c_str());
  }
  keep_on_signals();
}

void output_file::refuse_existing() const {
  if (may_replace_ || !posix_file_system().exists(name_)) return;
  throw error(errc::io_error, name_.string() + " is there already; --force replaces it");
}

void output_file::write(std::span<const std::byte> bytes) {
  file_->write_at(num_written_, bytes);
  num_written_ += bytes.size();
}

void output_file::finish() {
  file_->sync();
  refuse_existing();
  auto& fs = posix_file_system();
  fs.rename(temporary_, name_);
  file_.reset();
  fs.sync_directory(folder_of(name_));
}

}  // namespace fp::ctl
