#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "app/audio/pcm.hpp"
#include "app/audio/sound_variants.hpp"
#include "core/base/types.hpp"
#include "core/identify/hash_form.hpp"
#include "core/identify/verdict.hpp"

namespace fp {

/// Indexes of recordings and their ordered fingerprints, by form.
class known_recordings {
 public:
  virtual ~known_recordings() = default;

  struct query {
    std::vector<hash_value> hashes;
    uint32_t probes = 0;  ///< wrong bits that a stored hash may have
    uint32_t min_score = 1;
    uint32_t limit = 10;
  };

  /// Whether there are recordings in a form.
  virtual bool has(hash_form form) = 0;
  /// Of each query the documents that share the most hashes with it, best first.
  virtual std::vector<std::vector<search_result>> search(hash_form form, std::vector<query> queries) = 0;
  /// The ordered hashes of a document; none when they are not known.
  virtual std::optional<std::vector<hash_value>> fingerprint(hash_form form, document_id id) = 0;
};

/// What was tried, in order of its cost.
enum class identify_step : uint8_t { begins, phone, speeds };
std::string_view to_string(identify_step step) noexcept;

struct identify_options {
  size_t num_begins = 4;
  bool phone = true;           ///< tries recordings in the telephone's band, if there are any
  double most_speed = 5;       ///< percent, up to which speeds are tried; 0: none
  double speed_step = 0.5;     ///< percent
  uint32_t min_score = 1;      ///< hashes at least that a document shares with one of the clip's fingerprints
  bool always_speeds = false;  ///< also when the clip has a name already
};

/// A document that a clip may be.
struct named_document {
  document_id id = 0;
  hash_form form = hash_form::plain;
  identify_step step = identify_step::begins;
  uint32_t score = 0;        ///< hashes that it shares with one of the clip's fingerprints
  bool is_compared = false;  ///< by bits; else the count of hashes is all that is known, and the rest is unset
  double place_s = 0;        ///< where in it the clip begins; negative when the clip begins before it
  std::vector<double> other_places_s;  ///< where it holds the same music; of the first of all documents alone
  double error = 1;                    ///< share of wrong bits
  double speed = 1;                    ///< how much faster than the recording the clip is
  alignment where;
};

struct identification {
  certainty how = certainty::none;
  doubt why = doubt::nothing_alike;
  clip_content content;       ///< of the clip's first fingerprint
  uint32_t num_searched = 0;  ///< distinct hashes that were searched for at first, of all begins
  /// Best first. When the certainty is not `none`, the first is what the clip is.
  std::vector<named_document> documents;
};

/// Finds out which recording a clip is. Searches name candidates, and the bits of the ordered fingerprints decide
/// (`judge`). Steps follow each other until one names it surely, and the best counts: exact hashes of some begins;
/// the telephone's band, with near hashes; other speeds, with near hashes. Documents without a known fingerprint
/// are told by their counts of shared hashes, and are never sure.
class identifier {
 public:
  identifier(known_recordings& recordings, identify_options options);

  identification identify(std::span<const int16_t> sound);
  /// The first step alone, with one begin: for hashes that somebody else has made.
  identification identify(const std::vector<hash_value>& hashes);

 private:
  struct step_limits {
    identify_step step;
    hash_form form;
    uint32_t probes, min_score, limit;
  };
  /// Whether it names the clip, better than an earlier step did.
  bool try_step(const step_limits& limits, const std::vector<std::vector<hash_value>>& fingerprints,
                std::span<const sound_variant> variants, identification& found);
  /// Where else a recording holds the same music, as far as anybody can hear.
  void find_other_places(const std::vector<std::vector<hash_value>>& fingerprints,
                         std::span<const sound_variant> variants, named_document& best);

  known_recordings& recordings_;
  identify_options options_;
};

}  // namespace fp
