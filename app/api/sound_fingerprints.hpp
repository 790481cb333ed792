#pragma once

#include <string_view>
#include <vector>

#include "core/base/cancel.hpp"
#include "core/base/types.hpp"

namespace fp {

/// The ordered hashes of a sound, at several begins a part of a hop apart.
struct sound_fingerprints {
  double seconds = 0;  ///< that were fingerprinted
  std::vector<std::vector<hash_value>> plain,
      phone;  ///< as indexes of these forms hold them; without any: too short
};

/// Fingerprints a file of sound that a stranger has sent: its first minute. Throws `bad_request`, with the reason
/// for people, when it cannot be decoded, or not in time, and `cancelled`.
sound_fingerprints fingerprint_sound(std::string_view file, const cancel_flag* cancel = nullptr);

}  // namespace fp
