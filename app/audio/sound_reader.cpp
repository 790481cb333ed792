#include "app/audio/sound_reader.hpp"

#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>
#include <vector>

#include "app/process/child_process.hpp"
#include "core/base/error.hpp"
#include "core/base/printable.hpp"
#include "core/fs/poll_until.hpp"

namespace fp {

namespace {

/// What of ffmpeg's demuxers (https://ffmpeg.org/ffmpeg-formats.html) a stranger may use: no playlists, nothing
/// that names other files, no formats that are seldom tried.
constexpr const char* strangers_formats =
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dts,eac3,flac,flv,matroska,mov,mp3,mpc,mpc8,mpeg,mpegts,ogg,tak,tta,w64,"
    "wav,"
    "wv";
/// The same for the child's resources: util-linux, prlimit(1). Its messages are the only file that it writes.
const std::vector<std::string> strangers_limits{"--as=4294967296", "--cpu=20", "--fsize=1048576", "--core=0"};

std::vector<std::string> arguments_for(const sound_source& source) {
  std::vector<std::string> words{"-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+info"};
  const auto add = [&](std::initializer_list<std::string> more) { words.insert(words.end(), more); };
  switch (source.from) {
    case sound_source::kind::file:
      // Playlists and the like name further files, and places in the network.
      add({"-protocol_whitelist", "file", "-i", "file:" + source.name});
      break;
    case sound_source::kind::standard_input:
      add({"-protocol_whitelist", "pipe", "-i", "pipe:0"});
      break;
    case sound_source::kind::device:
      add({"-f", source.format, "-i", source.name});
      break;
    case sound_source::kind::bytes:
      // Opened by name it can be sought in, as some containers must be.
      add({"-protocol_whitelist", "file", "-format_whitelist", strangers_formats, "-threads", "1", "-i",
           "file:/proc/self/fd/0"});
      break;
  }
  if (source.max_s > 0) add({"-t", std::to_string(source.max_s)});
  add({"-map", "0:a:0", "-af", std::string(resampling), "-c:a", "pcm_s16le", "-f", "s16le", "pipe:1"});
  return words;
}

/// A file without a name that holds some bytes.
class memory_file {
 public:
  explicit memory_file(std::string_view bytes) : descriptor_(::memfd_create("sound", MFD_CLOEXEC)) {
    while (descriptor_ >= 0 && !bytes.empty()) {
      const auto n = ::write(descriptor_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) break;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    if (descriptor_ >= 0 && bytes.empty()) return;
    const int reason = errno;
    if (descriptor_ >= 0) ::close(descriptor_);
    throw error(errc::io_error, std::string("cannot hold a sound in memory: ") + std::strerror(reason));
  }
  ~memory_file() { ::close(descriptor_); }
  memory_file(const memory_file&) = delete;
  memory_file& operator=(const memory_file&) = delete;

  int descriptor() const noexcept { return descriptor_; }

 private:
  const int descriptor_;
};

/// The last thing that ffmpeg calls an error in its messages; empty when it does so of nothing.
std::string reason_in(std::string_view messages) {
  std::string_view reason;
  while (!messages.empty()) {
    const auto line = messages.substr(0, messages.find('\n'));
    messages.remove_prefix(std::min(line.size() + 1, messages.size()));
    for (const std::string_view mark : {"[error] ", "[fatal] "}) {
      if (const auto at = line.find(mark); at != line.npos) reason = line.substr(at + mark.size());
    }
  }
  return std::string(reason);
}

/// From ffmpeg's "Duration: 00:01:02.34, start: ...".
std::optional<double> duration_in(std::string_view messages) {
  constexpr std::string_view mark = "Duration: ";
  const auto at = messages.find(mark);
  if (at == messages.npos) return std::nullopt;
  auto text = messages.substr(at + mark.size());
  text = text.substr(0, text.find(','));
  double seconds = 0;
  while (!text.empty()) {
    const auto part = text.substr(0, text.find(':'));
    double value = 0;
    const auto read = std::from_chars(part.data(), part.data() + part.size(), value);
    if (read.ec != std::errc() || read.ptr != part.data() + part.size()) return std::nullopt;
    seconds = seconds * 60 + value;
    text.remove_prefix(std::min(part.size() + 1, text.size()));
  }
  return seconds;
}

}  // namespace

std::string sound_source::shown() const {
  switch (from) {
    case kind::file:
      return quoted(name, 200);
    case kind::standard_input:
      return "standard input";
    case kind::device:
      return "the device " + quoted(format + ":" + name, 200);
    case kind::bytes:
      return "the sound";
  }
  return name;
}

bool sound_reader::is_possible() { return has_program("ffmpeg"); }

bool sound_reader::is_possible_for_strangers() { return is_possible() && has_program("prlimit"); }

sound_reader::sound_reader(const sound_source& source, std::chrono::milliseconds patience)
    : shown_(source.shown()), patience_(patience) {
  child_command command{"ffmpeg", arguments_for(source), "ffmpeg", -1};
  if (source.from == sound_source::kind::standard_input) command.input = STDIN_FILENO;
  if (source.from != sound_source::kind::bytes) {
    child_ = std::make_unique<child_process>(command);
    return;
  }
  command.arguments.insert(command.arguments.begin(), command.program);
  command.arguments.insert(command.arguments.begin(), strangers_limits.begin(), strangers_limits.end());
  command.program = "prlimit";
  command.package = "util-linux";
  const memory_file file(source.bytes);
  command.input = file.descriptor();
  child_ = std::make_unique<child_process>(command);
}

sound_reader::~sound_reader() = default;

void sound_reader::await(int fd) const {
  switch (poll_until(fd, POLLIN, std::chrono::steady_clock::now() + patience_)) {
    case poll_outcome::ready:
      return;
    case poll_outcome::failed:
      throw error(errc::io_error, std::string("cannot wait for ffmpeg: ") + std::strerror(errno));
    case poll_outcome::late:
      throw error(errc::request_timeout, "ffmpeg decoded nothing of " + shown_ + " for " +
                                             std::to_string(patience_.count()) + " ms and was ended");
  }
}

size_t sound_reader::read(std::span<int16_t> out) {
  auto bytes = std::as_writable_bytes(out);
  size_t count = 0;
  while (!ended_ && count < bytes.size()) {
    await(child_->output());
    const auto n = ::read(child_->output(), bytes.data() + count, bytes.size() - count);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      ended_ = true;
    } else {
      count += static_cast<size_t>(n);
    }
  }
  num_samples_ += count / sizeof(int16_t);
  if (ended_) check_end();
  return count / sizeof(int16_t);
}

void sound_reader::check_end() {
  if (num_samples_ > 0) return;
  await(child_->process());
  const auto end = child_->wait_for_end();
  auto reason = reason_in(child_->messages(size_t{1} << 16));
  if (reason.empty()) reason = end.exited ? "it holds no sound" : "ffmpeg was killed";
  throw error(errc::io_error, "cannot decode " + shown_ + ": " + printable(reason, 300));
}

std::optional<double> sound_reader::promised_s() const { return duration_in(child_->messages()); }

void sound_reader::read_rest(pcm& sound) {
  constexpr size_t piece = size_t{60} * pcm_rate;
  for (size_t n = piece; n == piece;) {
    const auto before = sound.size();
    sound.resize(before + piece);
    n = read(std::span(sound).subspan(before));
    sound.resize(before + n);
  }
}

}  // namespace fp
