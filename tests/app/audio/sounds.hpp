#pragma once

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <numbers>
#include <random>
#include <span>

#include "app/audio/pcm.hpp"

namespace fp::test {

/// Notes of random pitch, six a second, with three overtones: sound with as many different hashes as music.
inline pcm make_melody(uint32_t seed, double seconds) {
  std::mt19937 random(seed);
  pcm sound(static_cast<size_t>(seconds * pcm_rate));
  constexpr size_t note = pcm_rate / 6;
  double hz[2] = {440, 440};
  for (size_t i = 0; i < sound.size(); i++) {
    if (i % note == 0) {
      for (auto& x : hz) x = 110 * std::exp2(static_cast<double>(random() % 36) / 12);
    }
    double sum = 0;
    const double t = static_cast<double>(i) / pcm_rate;
    for (const double x : hz) {
      for (int k = 1; k <= 4; k++) sum += std::sin(2 * std::numbers::pi * x * k * t) / k;
    }
    sound[i] = static_cast<int16_t>(4'000 * sum);
  }
  return sound;
}

/// A WAV file (https://www.mmsp.ece.mcgill.ca/Documents/AudioFormats/WAVE/WAVE.html) of one channel.
inline void write_wav(const std::filesystem::path& file, std::span<const int16_t> sound, uint32_t rate = pcm_rate) {
  std::ofstream out(file, std::ios::binary);
  const auto number = [&](uint32_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) out.put(static_cast<char>(value >> (8 * i)));
  };
  const auto size = static_cast<uint32_t>(sound.size_bytes());
  out << "RIFF";
  number(36 + size, 4);
  out << "WAVEfmt ";
  number(16, 4);
  number(1, 2);
  number(1, 2);
  number(rate, 4);
  number(rate * 2, 4);
  number(2, 2);
  number(16, 2);
  out << "data";
  number(size, 4);
  for (const int16_t sample : sound) number(static_cast<uint16_t>(sample), 2);
}

}  // namespace fp::test
