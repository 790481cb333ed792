#include "app/audio/sound_variants.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

#include "app/audio/fingerprinter.hpp"
#include "app/parallel/work_off.hpp"

namespace fp {

std::vector<sound_variant> variants_of_begin(size_t num_begins) {
  std::vector<sound_variant> variants;
  for (size_t i = 0; i < num_begins; i++) variants.push_back({i * hop_samples / num_begins, 1});
  return variants;
}

std::vector<sound_variant> variants_of_speed(double most_percent, double step_percent) {
  std::vector<sound_variant> variants;
  const auto steps = std::lround(most_percent / step_percent);
  for (long i = 1; i <= steps; i++) {
    for (const double sign : {1.0, -1.0}) {
      variants.push_back({0, 1 + sign * step_percent * static_cast<double>(i) / 100});
    }
  }
  return variants;
}

std::vector<std::vector<hash_value>> fingerprint_variants(std::span<const int16_t> sound,
                                                          std::span<const sound_variant> variants,
                                                          size_t max_threads) {
  std::vector<std::vector<hash_value>> found(variants.size());
  work_off(variants.size(), max_threads, [&] {
    return [&, own = std::make_unique<fingerprinter>()](size_t i) {
      const auto& v = variants[i];
      const auto rate = static_cast<int>(std::lround(pcm_rate / v.speed));
      found[i] = own->fingerprint(sound.subspan(std::min(v.first_sample, sound.size())), rate);
    };
  });
  return found;
}

}  // namespace fp
