#include "app/audio/band_filter.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "app/audio/pcm.hpp"

namespace fp {

band_filter::section band_filter::make_section(double hz, bool highpass) {
  const double w = 2 * std::numbers::pi * hz / pcm_rate;
  const double alpha = std::sin(w) / std::numbers::sqrt2;  // sin(w) / (2 Q)
  const double a0 = 1 + alpha, cosine = std::cos(w);
  const double edge = highpass ? 1 + cosine : 1 - cosine;
  const double middle = highpass ? -edge : edge;
  return {edge / 2 / a0, middle / a0, edge / 2 / a0, -2 * cosine / a0, (1 - alpha) / a0};
}

band_filter::band_filter()
    : sections_{make_section(low_hz, true), make_section(low_hz, true), make_section(high_hz, false)} {}

void band_filter::apply(std::span<int16_t> sound) noexcept {
  for (auto& sample : sound) {
    double x = sample;
    for (auto& s : sections_) x = s.next(x);
    sample = static_cast<int16_t>(std::lround(std::clamp(x, -32'768.0, 32'767.0)));
  }
}

}  // namespace fp
