#pragma once

#include <cstddef>

namespace fp {

// How Chromaprint (its algorithm 2, fpcalc's default) cuts sound of one channel, `pcm_rate` samples a second, into
// hashes: `FingerprinterConfiguration` has frames of 4,096 samples, and filters over 5 and 16 of them.

inline constexpr int pcm_rate = 11'025;
/// Samples from one hash to the next.
inline constexpr size_t hop_samples = 1'365;
/// Samples that the first hash needs: 20 windows of 4,096 samples, a hop apart.
inline constexpr size_t first_hash_samples = 4'096 + 19 * hop_samples;
inline constexpr double hop_s = static_cast<double>(hop_samples) / pcm_rate;

constexpr double seconds_of(size_t samples) noexcept { return static_cast<double>(samples) / pcm_rate; }

/// How many hashes so much sound has.
constexpr size_t hashes_of(size_t samples) noexcept {
  return samples < first_hash_samples ? 0 : (samples - first_hash_samples) / hop_samples + 1;
}

}  // namespace fp
