#pragma once

#include <caf/meta/type_name.hpp>
#include <caf/typed_actor.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/types.hpp"
#include "messages/atoms.hpp"

// How backups travel between remote actors and a node, in pieces. Part of the wire protocol, like `requests.hpp`.
//
//     client --snapshot_request--> index --> its stream        client <--next pieces-- stream
//     client --restore_request---> node  --> its restore       client --pieces, finish--> restore
//
// Streams and restores end with the client that asked for them, and when it is silent for long.

namespace fp {

/// Some bytes of a backup, or of another stream.
struct backup_piece {
  uint64_t offset = 0;         ///< of the first of them
  std::vector<uint8_t> bytes;  ///< at most `max_backup_piece`; none: the backup has ended
};
inline constexpr size_t max_backup_piece = size_t{256} << 10;

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, backup_piece& x) {
  return f(caf::meta::type_name("backup_piece"), x.offset, x.bytes);
}

/// A backup on its way to a client, which takes it piece by piece.
using backup_stream_handle = caf::typed_actor<
    // The next piece. The stream ends with an error, and when it has sent the piece without bytes.
    caf::replies_to<next_atom>::with<backup_piece>,
    // Ends it early.
    caf::reacts_to<close_atom>>;

/// What a stream of an index's newest commit is.
enum class stream_format : uint8_t {
  backup = 1,  ///< `core/backup/backup_format.hpp`
  fpindex,     ///< `core/fpindex/snapshot_writer.hpp`
};

inline const char* to_string(stream_format f) { return f == stream_format::backup ? "backup" : "fpindex"; }

/// Asks an index for a stream of its newest commit; waits for readiness like a search.
struct snapshot_request {
  uint32_t ready_wait_ms = 0;
  stream_format format = stream_format::backup;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, snapshot_request& x) {
  return f(caf::meta::type_name("snapshot_request"), x.ready_wait_ms, x.format);
}

struct snapshot_reply {
  backup_stream_handle stream;
  uint64_t generation = 0;
  commit_id version = 0;  ///< that the backup is of, whatever is written meanwhile
  uint64_t num_segments = 0;
  uint64_t num_bytes = 0;  ///< of the stream; 0: it tells itself
  std::string slice;       ///< of the index, that the backup holds; "1/1": all of it
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, snapshot_reply& x) {
  return f(caf::meta::type_name("snapshot_reply"), x.stream, x.generation, x.version, x.num_segments, x.num_bytes,
           x.slice);
}

/// Asks a node for a restore. The name is taken until the restore ends.
struct restore_request {
  std::string name;
  uint64_t generation = 0;  ///< of the index that is made, none that the name has had; 0: the next one
  /// There may be an index of that name. It goes on until the restored one is whole, which then takes its place;
  /// what was written to it meanwhile goes with it. A generation that the name has had already becomes the next
  /// one.
  bool replace = false;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, restore_request& x) {
  return f(caf::meta::type_name("restore_request"), x.name, x.generation, x.replace);
}

/// What was restored. The index loads like any other one from here on.
struct restore_reply {
  uint64_t generation = 0;
  std::string source_name;  ///< of the index that the backup is of
  uint64_t source_generation = 0;
  commit_id version = 0;
  uint64_t num_segments = 0, num_bytes = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, restore_reply& x) {
  return f(caf::meta::type_name("restore_reply"), x.generation, x.source_name, x.source_generation, x.version,
           x.num_segments, x.num_bytes);
}

/// A backup on its way into a node. It ends with an error, and then nothing of it remains.
using restore_handle = caf::typed_actor<
    // The next piece. Answered when it is written.
    caf::replies_to<backup_piece>::with<done_atom>,
    // All pieces are there. Answered when the index is in its place, durably; the restore ends.
    caf::replies_to<finish_atom>::with<restore_reply>,
    // Gives it up.
    caf::reacts_to<close_atom>>;

}  // namespace fp
