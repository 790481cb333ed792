#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "app/client/client.hpp"
#include "app/fpctl/library_session.hpp"
#include "app/library/recording_library.hpp"

namespace fp::ctl {

/// What may be wrong between a library, its index and its files.
enum class library_ailment : uint8_t {
  other_index,  ///< the index is another one than the library was made for
  pending,      ///< not known to be in the index
  removing,     ///< not known to be deleted from the index
  missing,      ///< stored, and not in the index any more
  rewritten,    ///< somebody else has written the document since
  damaged,      ///< the fingerprint in the library is not what was written
  vanished,     ///< the file is gone
  changed,      ///< the file is another one than was fingerprinted
};

struct library_finding {
  library_ailment what = library_ailment::pending;
  document_id id = 0;  ///< 0: of the whole index
  std::string path;
};

struct library_examination {
  std::vector<library_finding> findings;
  uint64_t num_recordings = 0;
  uint64_t num_unknown_documents = 0;  ///< in the index, and not of the library
  /// The first of them, as long as looking for them asked `max_looked_for` times at most.
  std::vector<document_id> unknown_documents;
  uint64_t generation = 0, known_generation = 0;
};

std::string_view to_string(library_ailment a) noexcept;
/// What it is, for people.
std::string_view meaning_of(library_ailment a) noexcept;
/// The command that mends it.
std::string cure_of(library_ailment a, const std::string& index);
/// Whether `repair_library` mends it.
bool is_repairable(library_ailment a) noexcept;

/// Compares all that a library knows of an index with the index and with the files. Changes nothing. Throws
/// `index_not_found` when the library or the node knows no such index. `on_progress` is told how many of how many
/// recordings are done.
library_examination examine_library(client& node, recording_library& library, const std::string& index,
                                    uint32_t ready_wait_ms,
                                    const std::function<void(uint64_t done, uint64_t total)>& on_progress);

/// Sends the index what it lacks, and ends removals. Documents of others are not written over.
void repair_library(library_session& session, const library_examination& found);

}  // namespace fp::ctl
