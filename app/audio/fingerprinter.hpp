#pragma once

#include <memory>
#include <span>
#include <vector>

#include "app/audio/chromaprint_library.hpp"
#include "app/audio/pcm.hpp"
#include "core/base/types.hpp"

namespace fp {

/// Fingerprints sound by Chromaprint's default algorithm, as fpcalc does: the hashes are the same. One thread uses
/// an object, which is made again in no time for the next sound.
class fingerprinter {
 public:
  /// Throws `io_error` without libchromaprint.
  fingerprinter();

  /// The ordered hashes of sound of one channel; none below `first_hash_samples`. `rate`: samples a second. Sound
  /// that was played too fast or slow is put right by naming another rate than it has: `pcm_rate` / 1.03 for 3 %
  /// too fast. Throws `io_error` when Chromaprint fails.
  std::vector<hash_value> fingerprint(std::span<const int16_t> sound, int rate = pcm_rate);

 private:
  struct context_deleter {
    void operator()(ChromaprintContext* context) const noexcept { chromaprint_library::get().free(context); }
  };

  const chromaprint_library& library_;
  std::unique_ptr<ChromaprintContext, context_deleter> context_;
};

}  // namespace fp
