#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace fp {

/// Leaves the telephone's band of sound: 300 to 3,400 Hz, by two highpass sections of two poles and one lowpass.
/// Library and clip pass the same filter before they are fingerprinted (form "phone"), so that a clip which lost
/// its lows on the way still has what the library has.
///
/// The sections are those of R. Bristow-Johnson's "Cookbook formulae for audio EQ biquad filter coefficients"
/// (https://www.w3.org/TR/audio-eq-cookbook/), with Q = 1/sqrt(2). Works on sound of `pcm_rate`, a piece after the
/// other.
class band_filter {
 public:
  static constexpr double low_hz = 300, high_hz = 3'400;

  band_filter();
  /// Filters the next piece of a sound in place. What is beyond 16 bits is cut off.
  void apply(std::span<int16_t> sound) noexcept;

 private:
  /// y[n] = b0 x[n] + b1 x[n-1] + b2 x[n-2] - a1 y[n-1] - a2 y[n-2], in the transposed second direct form.
  struct section {
    double b0, b1, b2, a1, a2;
    double s1 = 0, s2 = 0;

    double next(double x) noexcept {
      const double y = b0 * x + s1;
      s1 = b1 * x - a1 * y + s2;
      s2 = b2 * x - a2 * y;
      return y;
    }
  };
  static section make_section(double hz, bool highpass);

  std::array<section, 3> sections_;
};

}  // namespace fp
