#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "app/audio/pcm.hpp"

namespace fp {

class child_process;

/// What can be listened to.
struct sound_source {
  enum class kind : uint8_t {
    file,
    standard_input,
    device,  ///< one that ffmpeg can open
    bytes,   ///< a file that a stranger has sent
  };
  kind from = kind::file;
  std::string name;             ///< the file's or the device's
  std::string format;           ///< of a device: alsa, pulse, ... (https://ffmpeg.org/ffmpeg-devices.html)
  double max_s = 0;             ///< seconds to read at most; 0: all
  std::string_view bytes = {};  ///< read by the constructor of a reader alone

  /// How messages name it.
  std::string shown() const;
};

/// Decodes sound by a child, ffmpeg: to one channel at `pcm_rate`, resampled as fpcalc does it, so that the hashes
/// are fpcalc's. A file can make it read neither another file nor the network; for a stranger's bytes the child has
/// a bound of memory, processor time and what it writes, and knows the usual containers of sound alone. Ends the
/// child, and whatever it has started, at the latest with the object.
class sound_reader {
 public:
  /// Throws `io_error` when ffmpeg is missing or cannot be started. `patience`: the longest wait for more sound.
  sound_reader(const sound_source& source, std::chrono::milliseconds patience);
  ~sound_reader();
  sound_reader(const sound_reader&) = delete;
  sound_reader& operator=(const sound_reader&) = delete;

  /// Whether PATH has an ffmpeg.
  static bool is_possible();
  /// Whether it has what strangers' bytes need besides.
  static bool is_possible_for_strangers();

  /// Reads up to `out.size()` samples; fewer only at the end, where nothing was decoded also 0. Throws
  /// `request_timeout` when nothing comes, and at the end `io_error` with what ffmpeg says when it decoded nothing.
  size_t read(std::span<int16_t> out);
  /// Appends all that is left. Throws as `read`.
  void read_rest(pcm& sound);
  /// How long the sound is by its file's own account, in seconds, where the file says so and anything was read.
  std::optional<double> promised_s() const;

 private:
  void await(int fd) const;
  /// Throws when a child that has closed its output has decoded nothing.
  void check_end();

  std::string shown_;
  std::chrono::milliseconds patience_;
  std::unique_ptr<child_process> child_;
  uint64_t num_samples_ = 0;
  bool ended_ = false;
};

/// The filter of ffmpeg that makes the sound which fpcalc fingerprints, by fpcalc's own settings of the resampler
/// (chromaprint, `ffmpeg_audio_processor_swresample.h`).
inline constexpr std::string_view resampling =
    "aresample=out_sample_rate=11025:out_chlayout=mono:out_sample_fmt=s16:resampler=swr:filter_size=16:phase_shift="
    "8:"
    "linear_interp=1:cutoff=0.8";

}  // namespace fp
