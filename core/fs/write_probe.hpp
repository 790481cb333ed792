#pragma once

#include "core/fs/file_system.hpp"

namespace fp {

/// Throws what keeps `num_bytes` from being written to a folder durably, as `io_error` or `no_space`. It finds out
/// with a temporary file, which it removes.
void probe_writing(file_system& fs, const path& folder, size_t num_bytes);

}  // namespace fp
