#include "app/api/sound_fingerprints.hpp"

#include <chrono>
#include <span>

#include "app/audio/band_filter.hpp"
#include "app/audio/sound_reader.hpp"
#include "app/audio/sound_variants.hpp"
#include "core/base/error.hpp"

namespace fp {

namespace {

constexpr double max_seconds = 60;
constexpr auto max_time = std::chrono::seconds(20);
constexpr std::chrono::milliseconds patience = std::chrono::seconds(5);
constexpr size_t num_begins = 4;

pcm decode(std::string_view file, const cancel_flag* cancel) {
  sound_source source;
  source.from = sound_source::kind::bytes;
  source.bytes = file;
  source.max_s = max_seconds;
  const auto deadline = steady_clock::now() + max_time;
  sound_reader reader(source, patience);
  pcm sound;
  constexpr size_t piece = pcm_rate;
  for (size_t n = piece; n == piece;) {
    if (is_cancelled(cancel)) throw error(errc::cancelled, "nobody waits for the fingerprints");
    if (steady_clock::now() > deadline) throw error(errc::bad_request, "the sound takes too long to decode");
    const auto before = sound.size();
    sound.resize(before + piece);
    n = reader.read(std::span(sound).subspan(before));
    sound.resize(before + n);
  }
  return sound;
}

/// On one thread: a node has others for searches.
std::vector<std::vector<hash_value>> fingerprint_begins(std::span<const int16_t> sound) {
  auto found = fingerprint_variants(sound, variants_of_begin(num_begins), 1);
  std::erase_if(found, [](const auto& hashes) { return hashes.empty(); });
  return found;
}

}  // namespace

sound_fingerprints fingerprint_sound(std::string_view file, const cancel_flag* cancel) {
  pcm sound;
  try {
    sound = decode(file, cancel);
  } catch (const error& e) {
    if (e.code() == errc::cancelled) throw;
    throw error(errc::bad_request, e.what());
  }
  sound_fingerprints out;
  out.seconds = seconds_of(sound.size());
  out.plain = fingerprint_begins(sound);
  band_filter().apply(sound);
  out.phone = fingerprint_begins(sound);
  return out;
}

}  // namespace fp
