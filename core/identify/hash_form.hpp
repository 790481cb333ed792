#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/types.hpp"

namespace fp {

/// How the hashes of an index were made. Hashes of one form are not found by those of another. An index says so by
/// its metadata, under `hash_form_key`; without that it is `plain`.
enum class hash_form : uint8_t {
  plain,        ///< Chromaprint's hashes as they are
  phone,        ///< of sound that has passed the telephone's band (300 to 3,400 Hz) first
  acoustid_28,  ///< AcoustID's extract of a recording, with the lower 4 bits cleared
};

inline constexpr std::string_view hash_form_key = "hashes";

std::string_view to_string(hash_form form) noexcept;
/// The form of a name: "plain", "phone", "acoustid-28".
std::optional<hash_form> hash_form_of(std::string_view name) noexcept;

/// Where the recordings of an index are in the telephone's band besides, unless told otherwise: "music-phone" for
/// "music".
inline std::string phone_index_of(std::string_view index) { return std::string(index) + "-phone"; }

/// What is searched for in an index of a form: `plain` hashes (for `phone`, those of filtered sound) as that index
/// holds them. For `acoustid_28` all of them, not the extract alone: a clip lies anywhere.
std::vector<hash_value> query_in_form(std::span<const hash_value> hashes, hash_form form);

/// Whether hashes look as if their lower 4 bits had been cleared: of plain ones one in 16^8 does by chance.
bool look_cut(std::span<const hash_value> hashes) noexcept;

/// How many hashes a document of a form has at most that such a query is about: what a share of the query counts
/// of.
size_t most_shared(size_t num_query_hashes, hash_form form) noexcept;

/// What of an ordered fingerprint a document of an index of a form holds. For `acoustid_28` what AcoustID's server
/// takes (acoustid-server, `extract_query`): silence removed, and from position max(0, min(length - 120, 80)) on
/// the first 120 hashes that are different in their upper 28 bits, so cut.
std::vector<hash_value> document_in_form(std::span<const hash_value> hashes, hash_form form);

}  // namespace fp
