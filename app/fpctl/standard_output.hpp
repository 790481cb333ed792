#pragma once

#include <chrono>
#include <cstddef>
#include <span>

namespace fp::ctl {

/// Writes bytes to standard output, past the buffers of the library. Throws `io_error`, and `request_timeout` when
/// nobody takes any for as long as the patience.
void write_to_standard_output(std::span<const std::byte> bytes, std::chrono::milliseconds patience);

}  // namespace fp::ctl
