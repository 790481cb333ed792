#pragma once

#include <string>
#include <string_view>

#include "app/process/child_process.hpp"

namespace fp::ctl {

/// What an audio file says of itself.
struct audio_tags {
  std::string title, artist;  ///< UTF-8; empty where it says nothing
  double duration_s = 0;      ///< 0: unknown

  friend bool operator==(const audio_tags&, const audio_tags&) = default;
};

/// Asks FFmpeg's `ffprobe` for them.
child_command ffprobe_command(const std::string& audio_file);
/// Reads what it printed, in JSON. Whatever is missing or unfit stays empty: tags are worth no error.
audio_tags read_ffprobe(std::string_view output);

}  // namespace fp::ctl
