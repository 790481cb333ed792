#pragma once

#include <chrono>
#include <cstdint>

namespace fp {

// How long gateways wait for actors. Looking at an index takes no time; the others may stand behind work that does.
// All of them end.
inline constexpr std::chrono::milliseconds look_timeout = std::chrono::seconds(30),
                                           sound_timeout = std::chrono::minutes(2),
                                           write_timeout = std::chrono::minutes(5),
                                           folder_timeout = std::chrono::minutes(5);

/// The same for a search with a time limit of its own, 0 for none.
inline constexpr std::chrono::milliseconds search_wait(uint32_t timeout_ms) {
  constexpr std::chrono::milliseconds unlimited = std::chrono::hours(1), margin = std::chrono::seconds(5);
  return timeout_ms == 0 ? unlimited : std::chrono::milliseconds(timeout_ms) + margin;
}

}  // namespace fp
