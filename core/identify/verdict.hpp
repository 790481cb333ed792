#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/types.hpp"
#include "core/identify/alignment.hpp"

namespace fp {

enum class certainty : uint8_t { none, likely, sure };

/// Why a clip is nothing that is known.
enum class doubt : uint8_t {
  none,
  silence,        ///< it holds nothing but silence
  too_short,      ///< it has too few hashes to tell
  nothing_alike,  ///< no document has a place like it
  not_alike,      ///< the place that is the most like it is not enough so
  repeats,        ///< the same sound over and over, which many a recording may hold
  ambiguous,      ///< two recordings that are not the same are about as much like it
};

std::string_view to_string(certainty c) noexcept;
/// For people: "nothing but silence".
std::string_view to_string(doubt d) noexcept;

/// What one of a clip's fingerprints is worth.
struct clip_content {
  size_t num_hashes = 0;
  size_t num_sounding = 0;  ///< other than silence
  size_t num_distinct = 0;  ///< different ones of these

  /// What stands against looking for it at all: `none`, `silence` or `too_short`.
  doubt reason_against() const noexcept;
  bool repeats() const noexcept;
};
clip_content content_of(std::span<const hash_value> query);

/// A document and the place of a clip in it.
struct candidate {
  document_id id = 0;
  std::span<const hash_value> query;   ///< the fingerprint of the clip that was laid
  std::span<const hash_value> stored;  ///< over this one of the document
  alignment where;
  size_t variant = 0;  ///< which of the clip's fingerprints it is
};

struct verdict {
  certainty how = certainty::none;
  doubt why = doubt::nothing_alike;  ///< when the certainty is `none`
  /// Of each document the best one, best first. When the certainty is not `none`, the first is what the clip is.
  std::vector<candidate> candidates;
};

/// How a clip must be like a document to be it. Measured on real music (tests/bench/README.md, "Naming clips"):
/// over thousands of pieces and 625 tracks that do not hold them, the least shares of wrong bits were 0.07 with 9
/// distinct hashes, 0.10 with 16, 0.14 with 30, 0.19 with 59 (10 s) and 0.22 with 120. The limit below stays under
/// all of them, and telephone calls of 10 s, in the telephone's band, under it.
struct verdict_limits {
  static constexpr size_t min_sounding = 8;    ///< hashes, 3.6 s
  static constexpr uint32_t min_distinct = 8;  ///< fewer are a sound that repeats
  static constexpr double most_error = 0.24;   ///< of a long clip
  static constexpr double half_distinct = 24;  ///< distinct hashes with half of it
  static constexpr double sure_share = 0.6;    ///< of the limit, up to which it is sure
  static constexpr double margin = 0.04;       ///< between it and the next recording that is another
  static constexpr double same_sound = 0.1;    ///< two places of documents with less wrong bits are the same sound
  static constexpr double repeated_error = 0.02;   ///< at most, of a sound that repeats
  static constexpr size_t repeated_distinct = 16;  ///< hashes at most of a document that is a sound that repeats

  /// The share of wrong bits up to which a clip may be a document.
  static double most_wrong(uint32_t num_distinct) noexcept;
};

/// Decides what a clip is, by the share of wrong bits between its hashes and each candidate's at the same place, as
/// Chromaprint's own matcher does, not by a count of equal hashes. Candidates may come in any order, several of a
/// document. What repeats counts once: a tone or a loop is only what is the same tone or loop as a whole, and that
/// never surely.
verdict judge(std::span<const candidate> candidates);

}  // namespace fp
