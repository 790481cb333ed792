#include "app/fpctl/fingerprint_source.hpp"

#include <filesystem>

#include "core/base/printable.hpp"
#include "core/commit/changes.hpp"

namespace fp::ctl {

namespace {

std::optional<uint64_t> total_size(const std::vector<std::string>& files) {
  uint64_t sum = 0;
  for (const auto& file : files) {
    std::error_code failed;
    if (file == "-" || !std::filesystem::is_regular_file(file, failed)) return std::nullopt;
    sum += std::filesystem::file_size(file, failed);
    if (failed) return std::nullopt;
  }
  return sum;
}

}  // namespace

fingerprint_source::fingerprint_source(std::vector<std::string> files, std::chrono::milliseconds patience)
    : files_(std::move(files)), patience_(patience), bytes_total_(total_size(files_)) {}

bool fingerprint_source::open_next_file() {
  if (input_) bytes_before_ += input_->bytes_read();
  input_.reset();
  if (next_file_ == files_.size()) return false;
  input_ = line_reader::open(files_[next_file_++], line_reader::default_max_line_bytes, patience_);
  reader_ = fingerprint_reader();
  return true;
}

bool fingerprint_source::read_line_of_file(std::string_view& line) {
  if (!input_ || !input_->next(line)) return false;
  lines_++;
  digest_.update(std::as_bytes(std::span(line)));
  static constexpr char end[] = {'\n'};
  digest_.update(std::as_bytes(std::span(end)));
  return true;
}

bool fingerprint_source::read_line(std::string_view& line) {
  while (!read_line_of_file(line)) {
    if (!open_next_file()) return false;
  }
  return true;
}

template <class Feed>
auto fingerprint_source::named(Feed&& feed) {
  try {
    return feed();
  } catch (const error& e) {
    // The reader says which line; here it is said together with the file.
    std::string reason = e.what();
    const auto prefix = "line " + std::to_string(reader_.line_number()) + ": ";
    if (reason.starts_with(prefix)) reason.erase(0, prefix.size());
    throw line_error(e.code(), where() + ": " + reason);
  }
}

std::optional<text_fingerprint> fingerprint_source::next() {
  for (;;) {
    std::string again;
    std::string_view line;
    if (line_again_) {
      again = std::move(*line_again_);
      line_again_.reset();
      line = again;
    } else if (!read_line_of_file(line)) {
      named([&] { reader_.finish(); });
      if (!open_next_file()) return std::nullopt;
      continue;
    }
    const auto found = named([&] {
      try {
        return reader_.feed(line);
      } catch (const error&) {
        if (reader_.wants_line_again()) line_again_ = line;
        throw;
      }
    });
    if (!found) continue;
    constexpr size_t most = changes_limits{}.max_hashes_per_document;
    if (found->hashes.size() > most) {
      throw line_error(errc::bad_request, where() + ": " + std::to_string(found->hashes.size()) +
                                              " hashes, at most " + std::to_string(most) + " are allowed");
    }
    return found;
  }
}

bool fingerprint_source::skip_lines(uint64_t n) {
  std::string_view line;
  for (uint64_t i = 0; i < n; i++) {
    if (!read_line(line)) return false;
    reader_.skip_line();
  }
  return true;
}

std::string fingerprint_source::where() const {
  const auto& file = next_file_ == 0 ? std::string() : files_[next_file_ - 1];
  return printable(file == "-" ? "standard input" : file, 200) + ":" + std::to_string(reader_.line_number());
}

uint64_t fingerprint_source::bytes_read() const noexcept {
  return bytes_before_ + (input_ ? input_->bytes_read() : 0);
}

}  // namespace fp::ctl
