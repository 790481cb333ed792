#include "core/text/gzip_reader.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "core/base/error.hpp"

namespace fp {

namespace {

constexpr size_t input_bytes = size_t{256} << 10;
constexpr size_t initial_line_buffer = size_t{1} << 20;
constexpr uint8_t gzip_magic[2] = {0x1f, 0x8b};

}  // namespace

/// The bytes of a file, decompressed when they are gzip.
class line_reader::source {
 public:
  source(const std::string& name, std::chrono::milliseconds patience) : file_(name, patience) {}
  source(const source&) = delete;
  source& operator=(const source&) = delete;
  ~source() {
    if (is_gzip_) inflateEnd(&stream_);
  }

  const std::string& name() const noexcept { return file_.name(); }
  uint64_t bytes_read() const noexcept { return file_.bytes_read(); }
  std::optional<uint64_t> bytes_total() const noexcept { return file_.bytes_total(); }

  /// Up to `size` bytes of text; 0 only at the end.
  size_t read(char* out, size_t size) {
    if (!std::exchange(begun_, true)) begin();
    return is_gzip_ ? read_gzip(out, size) : read_plain(out, size);
  }

 private:
  size_t available() const noexcept { return input_end_ - input_at_; }

  /// Reads until at least `wanted` bytes are at hand or the file ends.
  void need(size_t wanted) {
    if (available() >= wanted) return;
    std::copy(input_.begin() + static_cast<ptrdiff_t>(input_at_),
              input_.begin() + static_cast<ptrdiff_t>(input_end_), input_.begin());
    input_end_ -= std::exchange(input_at_, 0);
    while (input_end_ < wanted) {
      const size_t n = read_file(input_.data() + input_end_, input_.size() - input_end_);
      if (n == 0) return;
      input_end_ += n;
    }
  }

  size_t read_file(void* out, size_t size) { return file_.read({static_cast<std::byte*>(out), size}); }

  bool at_gzip_member() {
    need(sizeof gzip_magic);
    return available() >= sizeof gzip_magic && std::memcmp(&input_[input_at_], gzip_magic, sizeof gzip_magic) == 0;
  }

  void begin() {
    if (!at_gzip_member()) return;
    constexpr int gzip_only = 16;
    if (inflateInit2(&stream_, MAX_WBITS + gzip_only) != Z_OK) throw std::bad_alloc();
    is_gzip_ = true;
  }

  size_t read_plain(char* out, size_t size) {
    if (available() == 0) return read_file(out, size);
    const size_t n = std::min(size, available());
    std::memcpy(out, &input_[input_at_], n);
    input_at_ += n;
    return n;
  }

  size_t read_gzip(char* out, size_t size) {
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(size);
    while (stream_.avail_out == size) {
      if (member_ended_ && !begin_next_member()) return 0;
      need(1);
      if (available() == 0) damaged("the gzip data is cut off");
      stream_.next_in = &input_[input_at_];
      stream_.avail_in = static_cast<uInt>(available());
      const int result = inflate(&stream_, Z_NO_FLUSH);
      input_at_ = input_end_ - stream_.avail_in;
      member_ended_ = result == Z_STREAM_END;
      if (result == Z_MEM_ERROR) throw std::bad_alloc();
      if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
        damaged("damaged gzip data: " + std::string(stream_.msg != nullptr ? stream_.msg : "no valid stream"));
      }
    }
    return size - stream_.avail_out;
  }

  /// Another member, the end, or zeros up to the end, with which tapes and block devices pad.
  bool begin_next_member() {
    if (at_gzip_member()) {
      inflateReset(&stream_);
      return true;
    }
    for (need(1); available() != 0; need(1)) {
      if (input_[input_at_] != 0) damaged("what follows the gzip data is no gzip data");
      input_at_++;
    }
    return false;
  }

  [[noreturn]] void damaged(const std::string& what) {
    throw error(errc::corrupt_data,
                name() + ": " + what + " at offset " + std::to_string(bytes_read() - available()));
  }

  input_descriptor file_;
  bool begun_ = false, is_gzip_ = false, member_ended_ = false;
  z_stream stream_ = {};
  std::vector<uint8_t> input_ = std::vector<uint8_t>(input_bytes);
  size_t input_at_ = 0, input_end_ = 0;
};

line_reader::line_reader(std::unique_ptr<source> from, size_t max_line_bytes)
    : source_(std::move(from)), max_line_bytes_(max_line_bytes) {}

line_reader::line_reader(line_reader&&) noexcept = default;
line_reader& line_reader::operator=(line_reader&&) noexcept = default;
line_reader::~line_reader() = default;

line_reader line_reader::open(const std::string& name, size_t max_line_bytes, std::chrono::milliseconds patience) {
  return line_reader(std::make_unique<source>(name, patience), max_line_bytes);
}

uint64_t line_reader::bytes_read() const noexcept { return source_->bytes_read(); }
std::optional<uint64_t> line_reader::bytes_total() const noexcept { return source_->bytes_total(); }

/// Appends to the buffer, after making room. False at the end.
bool line_reader::fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
  }
  if (end_ == capacity_) {
    const size_t larger = std::max(initial_line_buffer, capacity_ * 2);
    std::unique_ptr<char[]> buffer(new char[larger]);
    if (end_ > 0) std::memcpy(buffer.get(), buffer_.get(), end_);
    buffer_ = std::move(buffer);
    capacity_ = larger;
  }
  const size_t n = source_->read(buffer_.get() + end_, capacity_ - end_);
  end_ += n;
  return n > 0;
}

bool line_reader::next(std::string_view& line) {
  size_t searched = 0;  // bytes from begin_ on that are known to hold no line end
  const auto bounded = [&](size_t length) {
    if (length <= max_line_bytes_) return;
    throw error(errc::payload_too_large, source_->name() + ": line " + std::to_string(lines_ + 1) +
                                             " is longer than " + std::to_string(max_line_bytes_) + " bytes");
  };
  for (;;) {
    const size_t length = end_ - begin_;
    const char* text = buffer_.get() + begin_;
    const char* line_end = searched == length
                               ? nullptr
                               : static_cast<const char*>(std::memchr(text + searched, '\n', length - searched));
    if (line_end != nullptr) {
      line = {text, static_cast<size_t>(line_end - text)};
      bounded(line.size());
      begin_ += line.size() + 1;
      break;
    }
    bounded(length);
    searched = length;
    if (fill()) continue;
    if (length == 0) return false;
    line = {buffer_.get() + begin_, length};
    begin_ = end_;
    break;
  }
  lines_++;
  if (line.ends_with('\r')) line.remove_suffix(1);
  return true;
}

}  // namespace fp
