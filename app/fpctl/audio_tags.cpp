#include "app/fpctl/audio_tags.hpp"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/base/printable.hpp"

namespace fp::ctl {

namespace {

constexpr size_t longest_tag = 1'000;

std::string small_letters(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
  return text;
}

/// A tag by its name, which formats write in capitals and in small letters.
std::string tag_of(const nlohmann::json& holder, std::string_view name) {
  if (!holder.is_object()) return {};
  const auto tags = holder.find("tags");
  if (tags == holder.end() || !tags->is_object()) return {};
  for (const auto& [key, value] : tags->items()) {
    if (small_letters(key) != name || !value.is_string()) continue;
    auto text = printable(value.get<std::string>(), longest_tag);
    const auto begin = text.find_first_not_of(' ');
    return begin == std::string::npos ? std::string() : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
  }
  return {};
}

double duration_of(const nlohmann::json& holder) {
  if (!holder.is_object()) return 0;
  const auto found = holder.find("duration");
  if (found == holder.end() || !found->is_string()) return 0;
  const double seconds = std::strtod(found->get<std::string>().c_str(), nullptr);
  return seconds > 0 && seconds < 1e9 ? seconds : 0;
}

}  // namespace

child_command ffprobe_command(const std::string& audio_file) {
  return {"ffprobe",
          {"-v", "error", "-of", "json", "-select_streams", "a:0", "-show_entries",
           "format=duration:format_tags:stream=duration:stream_tags", "-i", "file:" + audio_file},
          "ffmpeg"};
}

audio_tags read_ffprobe(std::string_view output) {
  const auto told = nlohmann::json::parse(output, nullptr, false);
  if (!told.is_object()) return {};
  // What is said of the file comes before what is said of the stream: Ogg has its tags there.
  std::vector<nlohmann::json> holders;
  if (const auto format = told.find("format"); format != told.end()) holders.push_back(*format);
  if (const auto streams = told.find("streams");
      streams != told.end() && streams->is_array() && !streams->empty()) {
    holders.push_back(streams->front());
  }
  audio_tags tags;
  for (const auto& holder : holders) {
    if (tags.title.empty()) tags.title = tag_of(holder, "title");
    if (tags.artist.empty()) tags.artist = tag_of(holder, "artist");
    if (tags.duration_s == 0) tags.duration_s = duration_of(holder);
  }
  return tags;
}

}  // namespace fp::ctl
