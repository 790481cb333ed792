#include "app/node/logging.hpp"

#include <fcntl.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>
#include <vector>

#include "core/base/error.hpp"
#include "core/base/printable.hpp"

namespace fp {

namespace {

// Longer messages are cut in text lines.
constexpr size_t max_text_bytes = 16 << 10;

std::string_view payload_of(const spdlog::details::log_msg& msg) {
  return {msg.payload.data(), msg.payload.size()};
}

class text_message : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& msg, const std::tm&, spdlog::memory_buf_t& out) override {
    const std::string text = printable(payload_of(msg), max_text_bytes);
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<text_message>(); }
};

class json_message : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& msg, const std::tm&, spdlog::memory_buf_t& out) override {
    const std::string text = nlohmann::json(payload_of(msg)).dump(-1, ' ', true, replace_invalid);
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<json_message>(); }

 private:
  static constexpr auto replace_invalid = nlohmann::json::error_handler_t::replace;
};

[[noreturn]] void throw_io_error(const std::string& what, const std::string& file, int number) {
  throw error(errc::io_error, what + " log file " + printable(file, 4096) + ": " +
                                  std::error_code(number, std::generic_category()).message());
}

}  // namespace

std::unique_ptr<spdlog::formatter> make_log_formatter(std::string_view log_format) {
  spdlog::pattern_formatter::custom_flags flags;
  const bool json = log_format == "json";
  if (json) {
    flags['*'] = std::make_unique<json_message>();
  } else {
    flags['*'] = std::make_unique<text_message>();
  }
  return std::make_unique<spdlog::pattern_formatter>(
      json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","message":%*})" : "%Y-%m-%dT%H:%M:%S.%e%z %l %*",
      spdlog::pattern_time_type::local, "\n", std::move(flags));
}

log_file_sink::log_file_sink(std::string file, uint64_t rotate_bytes, uint32_t rotate_files)
    : file_(std::move(file)), rotate_bytes_(rotate_bytes), rotate_files_(rotate_files) {
  open();
}

log_file_sink::~log_file_sink() { ::close(fd_); }

void log_file_sink::reopen() {
  const std::lock_guard<std::mutex> lock(mutex_);
  open();
}

void log_file_sink::open() {
  const int fd = ::open(file_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
  if (fd < 0) throw_io_error("cannot open", file_, errno);
  struct stat info;
  if (::fstat(fd, &info) != 0) {
    const int number = errno;
    ::close(fd);
    throw_io_error("cannot open", file_, number);
  }
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
  regular_ = S_ISREG(info.st_mode);
  num_bytes_ = static_cast<uint64_t>(info.st_size);
  rotate_at_ = rotate_bytes_;
}

void log_file_sink::rotate() {
  // Not tried again at every line when it fails.
  rotate_at_ = num_bytes_ + rotate_bytes_;
  for (uint32_t i = rotate_files_; i > 0; i--) {
    const std::string from = i > 1 ? rotated_name(i - 1) : file_;
    if (std::rename(from.c_str(), rotated_name(i).c_str()) != 0 && errno != ENOENT) {
      throw_io_error("cannot rename", from, errno);
    }
  }
  open();
}

void log_file_sink::sink_it_(const spdlog::details::log_msg& msg) {
  spdlog::memory_buf_t line;
  // Ends a line of which the disk took only a part.
  if (torn_) line.push_back('\n');
  formatter_->format(msg, line);
  std::exception_ptr failure;
  if (regular_ && rotate_bytes_ > 0 && num_bytes_ > 0 && num_bytes_ + line.size() > rotate_at_) {
    try {
      rotate();
    } catch (const error&) {
      failure = std::current_exception();
    }
  }
  for (size_t done = 0; done < line.size();) {
    const ssize_t n = ::write(fd_, line.data() + done, line.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      torn_ = torn_ || done > 0;
      throw_io_error("cannot write to", file_, errno);
    }
    done += static_cast<size_t>(n);
    num_bytes_ += static_cast<uint64_t>(n);
  }
  torn_ = false;
  // The logger reports it on standard error.
  if (failure) std::rethrow_exception(failure);
}

node_log::node_log(const config& settings) {
  std::vector<spdlog::sink_ptr> sinks{std::make_shared<spdlog::sinks::stderr_sink_mt>()};
  if (!settings.log_file.empty()) {
    file_ =
        std::make_shared<log_file_sink>(settings.log_file, settings.log_rotate_bytes, settings.log_rotate_files);
    sinks[0]->set_level(spdlog::level::critical);
    sinks.insert(sinks.begin(), file_);
  }
  logger_ = std::make_shared<spdlog::logger>("fpnode", sinks.begin(), sinks.end());
  logger_->set_formatter(make_log_formatter(settings.log_format));
  set_level(settings.log_level);
  logger_->flush_on(spdlog::level::trace);
}

void node_log::set_level(const std::string& level) { logger_->set_level(spdlog::level::from_str(level)); }

void node_log::reopen() {
  if (!file_) {
    logger_->info("the log goes to standard error: nothing to open again");
    return;
  }
  try {
    file_->reopen();
    logger_->info("log file opened again");
  } catch (const error& e) {
    logger_->error("{}: going on with the file that is open", e.what());
  }
}

}  // namespace fp
