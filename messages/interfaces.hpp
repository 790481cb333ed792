#pragma once

#include <caf/typed_actor.hpp>

#include "messages/atoms.hpp"
#include "messages/backup.hpp"
#include "messages/requests.hpp"
#include "messages/slices.hpp"

namespace fp {

/// Receives the load progress that it subscribed to.
using progress_observer = caf::typed_actor<caf::reacts_to<load_progress>>;

/// The public face of one index, as a node's `resolve_atom` hands it out. Every request is answered or fails with
/// an `errc`; those with a `ready_wait_ms` may wait for loading to end, the others answer at once.
using index_handle = caf::typed_actor<
    caf::replies_to<search_request>::with<search_reply>,
    caf::replies_to<search_batch_request>::with<search_batch_reply>,
    caf::replies_to<update_request>::with<update_reply>, caf::replies_to<document_request>::with<document_reply>,
    caf::replies_to<index_info_request>::with<index_info>, caf::replies_to<segments_request>::with<segment_list>,
    caf::replies_to<status_atom>::with<index_status>,
    // Answers with the progress so far; later progress arrives as messages until the observer goes down.
    caf::replies_to<subscribe_atom, progress_observer>::with<load_progress>,
    // Writes all memory segments to a file segment. Answered when done.
    caf::replies_to<checkpoint_atom>::with<upkeep_reply>,
    // Merges the file segments into as few as max_segment_size allows. Answered when done.
    caf::replies_to<merge_atom>::with<upkeep_reply>,
    // Loads a failed or read-only index again; answers at once with the status of the new attempt (or of a ready
    // index, which is left alone). Follow the attempt by progress.
    caf::replies_to<reload_atom>::with<index_status>,
    // Answers with a stream of the newest commit.
    caf::replies_to<snapshot_request>::with<snapshot_reply>,
    // From other members, for what this one holds of an index that lies in slices.
    caf::reacts_to<slice_questions>, caf::replies_to<slice_document>::with<document_reply>,
    caf::replies_to<slice_atom>::with<slice_status>,
    // Who holds which slices.
    caf::replies_to<cluster_atom>::with<cluster_status>>;

/// The public face of a node, published on its CAF port.
using node_handle = caf::typed_actor<
    caf::replies_to<create_index_request>::with<create_index_reply>,
    caf::replies_to<delete_index_request>::with<delete_index_reply>, caf::replies_to<list_atom>::with<index_list>,
    caf::replies_to<resolve_atom, std::string>::with<index_handle>,
    // Answers when the new copy is asked for.
    caf::replies_to<resync_request>::with<resync_reply>, caf::replies_to<drain_request>::with<drain_reply>,
    // Answers when the backup may be sent.
    caf::replies_to<restore_request>::with<restore_handle>, caf::replies_to<status_atom>::with<node_status>,
    // Ends the node cleanly. Answers before it starts to.
    caf::replies_to<shutdown_atom>::with<node_status>>;

}  // namespace fp
