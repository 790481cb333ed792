#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/types.hpp"
#include "core/identify/verdict.hpp"

namespace fp {

/// What a window of a long recording is.
struct window_answer {
  double begin_s = 0, end_s = 0;  ///< of the window, in the long recording
  certainty how = certainty::none;
  document_id id = 0;  ///< when the certainty is not `none`
  double place_s = 0;  ///< where the window begins in that document
  double error = 1;    ///< share of wrong bits
};

/// A stretch of a long recording that is one document, played on.
struct playlist_entry {
  double begin_s = 0, end_s = 0;    ///< in the long recording
  document_id id = 0;               ///< 0: nothing that is known
  double place_s = 0;               ///< where it begins in the document
  certainty how = certainty::none;  ///< the best of its windows
  uint32_t num_windows = 0;         ///< that named it; of what is not known, that named nothing
  double error = 1;                 ///< the least of its windows
};

struct playlist_options {
  /// Windows of one entry agree on where the document began, so far apart at most.
  double most_drift_s = 2;
  /// So long a stretch without a name, or with another one, does not end an entry that goes on behind it.
  double most_gap_s = 30;
  /// What is named by a single window is an entry only when that is sure.
  bool single_must_be_sure = true;
};

/// Makes a playlist of the windows of a long recording, which come in their order and may overlap. Entries ascend
/// and do not overlap; what lies between them is an entry without a document.
std::vector<playlist_entry> make_playlist(std::span<const window_answer> windows, const playlist_options& o = {});

}  // namespace fp
