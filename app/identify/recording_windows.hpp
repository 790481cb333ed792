#pragma once

#include <functional>
#include <vector>

#include "app/audio/sound_reader.hpp"
#include "app/identify/identifier.hpp"
#include "core/identify/playlist.hpp"

namespace fp {

/// How a long recording is cut up.
struct window_options {
  double window_s = 15, step_s = 10;
};

/// Identifies a long recording a window at a time, in bounded memory but for the answers. `begin`: what was read of
/// it before. `on_window` is told of each answer.
std::vector<window_answer> identify_windows(sound_reader& reader, identifier& identify, const window_options& o,
                                            pcm begin, const std::function<void(const window_answer&)>& on_window);

}  // namespace fp
