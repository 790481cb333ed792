#pragma once

#include <cstddef>
#include <cstdint>

namespace fp {

/// What a client may ask of one search.
inline constexpr uint32_t max_search_limit = 10'000;  ///< results
inline constexpr size_t max_query_hashes = 1u << 20;  ///< as given, repetitions included
inline constexpr uint32_t max_probes = 2;             ///< bits; 529 look-ups a hash

/// Throws `bad_request` for more than `max_probes`.
void require_allowed_probes(uint32_t probes);

}  // namespace fp
