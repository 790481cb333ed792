#pragma once

#include <algorithm>
#include <span>
#include <thread>
#include <vector>

#include "app/audio/pcm.hpp"
#include "core/base/types.hpp"

namespace fp {

/// One of the ways to fingerprint a sound.
struct sound_variant {
  size_t first_sample = 0;  ///< what is before is left out; beyond the end: nothing is left
  double speed = 1;         ///< how much faster than the recording the sound is taken to be, in pitch and tempo
};

/// Begins a part of a hop apart: hashes are made every `hop_samples`, and those of a clip that begins half a hop
/// later than the library's share hardly any. One of four begins is an eighth of a hop away at most.
std::vector<sound_variant> variants_of_begin(size_t num_begins);
/// Speeds from `-most_percent` to `most_percent`, `step_percent` apart, without none, the small ones first.
std::vector<sound_variant> variants_of_speed(double most_percent, double step_percent);

/// The ordered hashes of a sound by each of the variants, on up to `max_threads` threads, by default as many as the
/// machine has processors, which have ended when it returns. Throws as `fingerprinter`.
std::vector<std::vector<hash_value>> fingerprint_variants(
    std::span<const int16_t> sound, std::span<const sound_variant> variants,
    size_t max_threads = std::max(1u, std::thread::hardware_concurrency()));

}  // namespace fp
