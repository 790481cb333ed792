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

fingerprint_source::fingerprint_source(std::vector<std::string> files)
    : files_(std::move(files)), bytes_total_(total_size(files_)) {}

bool fingerprint_source::read_line(std::string_view& line) {
  for (;;) {
    if (input_ && input_->next(line)) {
      lines_++;
      digest_.update(std::as_bytes(std::span(line)));
      static constexpr char end[] = {'\n'};
      digest_.update(std::as_bytes(std::span(end)));
      return true;
    }
    if (next_file_ == files_.size()) return false;
    if (input_) bytes_before_ += input_->bytes_read();
    input_.reset();
    input_ = line_reader::open(files_[next_file_++]);
    reader_ = fingerprint_reader();
  }
}

std::optional<text_fingerprint> fingerprint_source::next() {
  std::string_view line;
  while (read_line(line)) {
    try {
      if (auto found = reader_.feed(line)) {
        constexpr size_t most = changes_limits{}.max_hashes_per_document;
        if (found->hashes.size() > most) {
          throw error(errc::bad_request, std::to_string(found->hashes.size()) + " hashes, at most " +
                                             std::to_string(most) + " are allowed");
        }
        return found;
      }
    } catch (const error& e) {
      // The reader says which line; here it is said together with the file.
      std::string reason = e.what();
      const auto prefix = "line " + std::to_string(reader_.line_number()) + ": ";
      if (reason.starts_with(prefix)) reason.erase(0, prefix.size());
      throw line_error(e.code(), where() + ": " + reason);
    }
  }
  return std::nullopt;
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
