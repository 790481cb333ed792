#pragma once

#include <chrono>

namespace fp {

/// How long a server that stops waits for answers: the process ends within 4.5 seconds of SIGTERM.
inline constexpr std::chrono::milliseconds default_stop_timeout{3'000};

}  // namespace fp
