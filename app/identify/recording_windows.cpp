#include "app/identify/recording_windows.hpp"

#include <algorithm>
#include <utility>

namespace fp {

namespace {

window_answer answer_to(identifier& identify, std::span<const int16_t> sound, uint64_t begin) {
  window_answer answer;
  answer.begin_s = static_cast<double>(begin) / pcm_rate;
  answer.end_s = answer.begin_s + seconds_of(sound.size());
  const auto found = identify.identify(sound);
  if (found.how != certainty::none && found.documents.front().is_compared) {
    const auto& best = found.documents.front();
    answer.how = found.how;
    answer.id = best.id;
    answer.place_s = best.place_s;
    answer.error = best.error;
  }
  return answer;
}

}  // namespace

std::vector<window_answer> identify_windows(sound_reader& reader, identifier& identify, const window_options& o,
                                            pcm begin, const std::function<void(const window_answer&)>& on_window) {
  const auto window = static_cast<size_t>(o.window_s * pcm_rate), step = static_cast<size_t>(o.step_s * pcm_rate);
  std::vector<window_answer> answers;
  pcm sound = std::move(begin);
  size_t at = 0;        // of the window, in `sound`
  uint64_t passed = 0;  // samples that are in `sound` no more
  for (bool ended = false; !ended;) {
    if (sound.size() < at + window) {
      sound.erase(sound.begin(), sound.begin() + static_cast<std::ptrdiff_t>(at));
      passed += at;
      at = 0;
      const auto held = sound.size();
      sound.resize(window);
      const auto n = reader.read(std::span(sound).subspan(held));
      sound.resize(held + n);
      ended = sound.size() < window;
      // The last window must hold something that none before it has.
      if (ended && (sound.size() < first_hash_samples || (n == 0 && !answers.empty()))) break;
    }
    const auto length = std::min(window, sound.size() - at);
    answers.push_back(answer_to(identify, std::span(sound).subspan(at, length), passed + at));
    on_window(answers.back());
    at += step;
  }
  return answers;
}

}  // namespace fp
