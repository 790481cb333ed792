#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>
#include <memory>
#include <string>
#include <vector>

#include "core/base/cancel.hpp"
#include "core/changelog/changelog_calls.hpp"
#include "core/changelog/feed_following.hpp"
#include "core/commit/changes.hpp"
#include "core/commit/checked_changes.hpp"
#include "core/index/data_folder.hpp"
#include "core/index/manifest.hpp"
#include "core/index/snapshot.hpp"
#include "core/merge/damaged_inputs_error.hpp"
#include "core/metrics/history.hpp"
#include "core/metrics/index_metrics.hpp"
#include "core/oplog/log_slice.hpp"
#include "core/oplog/oplog.hpp"
#include "messages/error.hpp"
#include "messages/interfaces.hpp"
#include "messages/types.hpp"

// What the actors of one node say to each other. Nothing of this travels over a wire, so messages may share memory.

namespace fp {

using cancel_flag_ptr = std::shared_ptr<cancel_flag>;
/// Shared by the actors that a search goes through: its hashes may be many.
using search_request_ptr = std::shared_ptr<const search_request>;
using manifest_ptr = std::shared_ptr<const manifest>;
using log_slice_ptr = std::shared_ptr<const log_slice>;
using file_names_ptr = std::shared_ptr<const std::vector<std::string>>;

/// The right to run one segment loader. It goes back to the loader budget when its last holder lets go, however
/// that holder ends.
class loader_permit;
using permit_ptr = std::shared_ptr<loader_permit>;

/// The right to use an index's folder: who uses it holds the lease. It goes to the next one who wants it when its
/// last holder lets go, however that holder ends.
class folder_lease;
using folder_lease_ptr = std::shared_ptr<const folder_lease>;

// -- Loading
// --------------------------------------------------------------------------------------------------------

/// manifest_actor -> index_coordinator: what is going to be loaded.
struct load_plan {
  uint64_t attempt = 0;
  load_strategy strategy = load_strategy::none;
  manifest_ptr segments;
};

/// manifest_actor -> segment_loader: one segment to load.
struct load_task {
  size_t position = 0;  ///< in the manifest
  manifest_entry entry;
};

/// segment_loader -> index_coordinator.
struct segment_loaded {
  uint64_t attempt = 0;
  size_t position = 0;
  segment_ptr segment;
  std::chrono::nanoseconds took{0};
};

/// segment_loader or manifest_actor -> index_coordinator: the attempt cannot succeed.
struct load_failed {
  uint64_t attempt = 0;
  caf::error reason;
  bool of_segment = false;  ///< it was a segment that could not be loaded
};

/// segment_loader -> index_coordinator: so many more bytes are verified.
struct load_advanced {
  uint64_t attempt = 0;
  uint64_t bytes = 0;
};

/// oplog_actor -> index_coordinator: the log is open; what it held beyond the file segments, oldest first.
struct oplog_opened {
  uint64_t attempt = 0;
  std::vector<segment_ptr> segments;
  oplog_replay report;
};

// -- Requests of gateways in the node's own process
// ------------------------------------------------------------------------------

/// A search whose sender can call it off. An empty query is valid and finds nothing.
struct local_search {
  search_request_ptr request;
  cancel_flag_ptr cancel;
};

/// An update that its sender has checked by bounds of its own, and which may be sent again without a copy.
struct local_update {
  checked_changes changes;
  caf::optional<uint64_t> expected_version;
  uint32_t ready_wait_ms = 0;  ///< as in `update_request`
};

/// feed_follower -> index_coordinator: changes of the lineage behind `after`, as one commit called `position`.
struct feed_commit {
  changes_ptr changes;
  commit_id after = 0, position = 0;
};

/// base_loader -> who wants the base: who gives it, and how much of it has come.
struct base_progress {
  std::string donor;  ///< without credentials; empty: nobody does now
  uint64_t bytes = 0, total = 0;
};

/// feed_follower -> index_coordinator: how the replica stands to its changelog.
struct replica_changed {
  replica_report report;
  base_progress base = {};
};

/// node_actor -> index_coordinator: a copy of a lineage is to be fetched, and put in the replica's place.
struct replica_resync {
  lineage of;
  slice part;  ///< of it
};

/// node_actor -> meta_follower: the replica of an index is of that generation now, because a person wanted it.
struct replica_replaced {
  std::string index;
  uint64_t generation = 0;
};

/// meta_follower -> node_actor: a replica that is to be made, or, without a generation, to go.
struct replica_wanted {
  std::string index;
  uint64_t generation = 0;
};

/// meta_follower -> node_actor: nothing is done about an index, and why; empty: something is again.
struct replica_parked {
  std::string index, why;
};

/// meta_follower -> node_actor: how far the meta feed has been followed.
struct feed_state {
  bool caught_up = false;
  feed_position position = 0;
  std::string failure;  ///< why it does not answer
};

/// base_loader -> backup_desk: a restore in the place of a replica.
struct replica_restore {
  lineage of;
  uint64_t replaced = 0;  ///< generation of the lineage that must be there
  path kept;              ///< folder for segments that are whole when the restore is given up; empty: they go
  slice part = {};        ///< what it holds of the lineage
};

/// base_loader -> feed_follower: no peer could give what is missing.
struct base_failed {
  std::string why;
};

/// Asks for the newest snapshot; waits for readiness like a search.
struct served_request {
  uint32_t ready_wait_ms = 0;
};

// -- Working
// --------------------------------------------------------------------------------------------------------

/// index_coordinator -> searcher.
struct search_task {
  snapshot_ptr index;
  search_request_ptr request;
  steady_clock::time_point received, deadline;
  cancel_flag_ptr cancel;  ///< null: nobody calls it off
};

/// index_coordinator -> searcher.
struct search_batch_task {
  snapshot_ptr index;
  search_batch_request request;
  steady_clock::time_point received;
};

/// index_coordinator -> searcher: look a document up.
struct document_task {
  snapshot_ptr index;
  std::string index_name;
  document_id id = 0;
};

/// index_coordinator -> merge_actor or checkpoint_actor: merge `count` neighbours from position `first` on.
struct merge_job {
  snapshot_ptr index;
  size_t first = 0, count = 0;
  path file;                 ///< empty: merge into memory
  uint64_t spare_bytes = 0;  ///< that a merge of files leaves to others on the disk
  cancel_flag_ptr cancel;
};

/// What came of it.
struct merge_outcome {
  segment_ptr merged;                  ///< null: it failed
  caf::error failure;                  ///< why
  std::vector<damaged_input> damaged;  ///< what it failed for
};

/// index_coordinator -> node_actor.
struct index_state_changed {
  index_entry entry;
  bool is_unverified = false;  ///< it serves something that a load has not verified
};

/// Whoever meets a page of a served segment that cannot be read tells the index's coordinator, which looks at what
/// it serves by then.
using unreadable_listener = caf::typed_actor<caf::reacts_to<unreadable_atom>>;

// -- Backups
// --------------------------------------------------------------------------------------------------------

using staged_index = data_folder::staged_index;

/// Segments that whoever asks for a backup has, by `segment_id`. Null: none.
using held_segments_ptr = std::shared_ptr<const std::vector<uint64_t>>;

/// Asks an index for a stream of its newest commit.
struct local_snapshot_request {
  stream_format format = stream_format::backup;
  held_segments_ptr held = {};  ///< of a backup: it comes without these
  uint64_t for_node = 0;  ///< the node that wants it as the base of a replica, by `environment::instance`; 0: none
  slice part = {};        ///< that such a node wants of it
};

/// index_coordinator -> backup_desk: stream a backup to whoever asked for it.
struct stream_task {
  snapshot_ptr index;
  index_record record;
  stream_format format = stream_format::backup;
  bool may_expire = true;  ///< when its client is silent
  unreadable_listener owner = {};
  held_segments_ptr held = {};  ///< that a backup comes without
};

// -- Scrubbing
// ------------------------------------------------------------------------------------------------------

/// index_coordinator -> scrub_actor: what an index serves from files.
struct scrub_target {
  std::string index;
  path data;  ///< folder of the segment files
  snapshot_ptr served;
  index_metrics_ptr metrics;
};

/// scrub_actor -> index_coordinator: what became of one segment.
struct segment_scrubbed {
  segment_info segment;
  caf::error damage;  ///< none: every byte is right
};

// -- Interfaces
// -----------------------------------------------------------------------------------------------------

/// Who waits for an index's folder to be free.
using folder_user = caf::typed_actor<caf::reacts_to<folder_lease_ptr>>;

using loader_budget_handle = caf::typed_actor<
    // Answered when a loader may run; first come, first served.
    caf::replies_to<acquire_atom>::with<permit_ptr>, caf::reacts_to<release_atom>,
    // How many permits are out, and how many there are.
    caf::replies_to<status_atom>::with<uint32_t, uint32_t>,
    // There are so many from now on.
    caf::reacts_to<settings_atom, uint32_t>>;

using segment_loader_handle = caf::typed_actor<caf::reacts_to<load_task>, caf::reacts_to<stop_atom>>;

using load_listener = caf::typed_actor<caf::reacts_to<load_plan>, caf::reacts_to<segment_loaded>,
                                       caf::reacts_to<load_failed>, caf::reacts_to<load_advanced>>;

/// Segments that are searched no more. Giving back the memory of a large one, and the disk's space of its file if
/// that is removed, takes long: whoever gets this drops it where nobody waits.
struct retired_segments {
  std::vector<segment_ptr> segments;
};

using manifest_handle = caf::typed_actor<
    // To itself, once.
    caf::reacts_to<next_atom>,
    // A loader is idle.
    caf::reacts_to<next_atom, segment_loader_handle>,
    // The load is over, one way or the other: hand out nothing more.
    caf::reacts_to<stop_atom>,
    // Replaces the manifest durably, then removes the named files, which it no longer names.
    caf::replies_to<store_atom, manifest_ptr, file_names_ptr>::with<done_atom>,
    // Removes files that no manifest names. A failure is logged, no more.
    caf::replies_to<sweep_atom>::with<done_atom>,
    // Drops them.
    caf::reacts_to<retired_segments>>;

using oplog_listener = caf::typed_actor<caf::reacts_to<oplog_opened>, caf::reacts_to<load_failed>>;

using oplog_handle = caf::typed_actor<
    // To itself, once.
    caf::reacts_to<next_atom>,
    // Makes commits durable. Answers with the log's size in bytes.
    caf::replies_to<append_atom, commit_batch_ptr>::with<uint64_t>,
    // Drops files whose commits are all in file segments.
    caf::replies_to<truncate_atom, commit_id>::with<uint64_t>,
    // Seals the log; nothing may be appended any more.
    caf::replies_to<close_atom>::with<done_atom>>;

using segment_builder_handle = caf::typed_actor<caf::replies_to<build_atom, commit_batch_ptr>::with<segment_ptr>>;

using slice_builder_handle = caf::typed_actor<caf::replies_to<build_atom, log_slice_ptr>::with<segment_ptr>>;

using merge_handle = caf::typed_actor<caf::replies_to<merge_job>::with<merge_outcome>>;

using searcher_handle = caf::typed_actor<caf::replies_to<search_task>::with<search_reply>,
                                         caf::replies_to<search_batch_task>::with<search_batch_reply>,
                                         caf::replies_to<document_task>::with<document_reply>,
                                         // Ends when the searches before it are done.
                                         caf::reacts_to<stop_atom>>;

/// The changelog that the node follows. What it answers is a value, whatever has gone wrong; an error means that
/// the question itself was wrong. Each question waits for its turn and its answer for a bounded time.
using changelog_handle = caf::typed_actor<caf::replies_to<append_call>::with<append_call::answer>,
                                          caf::replies_to<read_call>::with<read_call::answer>,
                                          caf::replies_to<bounds_call>::with<bounds_call::answer>,
                                          caf::replies_to<newest_call>::with<newest_call::answer>,
                                          caf::replies_to<truncate_call>::with<truncate_call::answer>,
                                          caf::replies_to<read_meta_call>::with<read_meta_call::answer>,
                                          caf::replies_to<create_lineage_call>::with<create_lineage_call::answer>,
                                          caf::replies_to<delete_lineage_call>::with<delete_lineage_call::answer>>;

/// Who waits for a base_loader.
using base_listener = caf::typed_actor<caf::reacts_to<base_failed>, caf::reacts_to<base_progress>>;

/// Who begins restores of replicas.
using replica_restorer = caf::typed_actor<caf::replies_to<replica_restore>::with<restore_handle>>;

using base_loader_handle = caf::typed_actor<
    // To itself: what is to be done next.
    caf::reacts_to<next_atom>>;

/// Follows a lineage for one index.
using feed_follower_handle = caf::typed_actor<
    // A write to the replica. Answered when the replica has it, with its position.
    caf::replies_to<local_update>::with<update_reply>,
    // The changelog is known to go on up to here.
    caf::reacts_to<news_atom, feed_position>,
    // A client waits until the replica is here.
    caf::reacts_to<watch_atom, feed_position>, caf::reacts_to<base_failed>, caf::reacts_to<base_progress>,
    caf::reacts_to<tick_atom>>;

/// Looks for what is new, for all who follow lineages of one changelog. Who ends is forgotten.
using feed_watch_handle =
    caf::typed_actor<caf::reacts_to<watch_atom, lineage, feed_follower_handle>, caf::reacts_to<tick_atom>>;

/// The index that a feed_follower works for.
using replica_handle =
    caf::typed_actor<caf::replies_to<feed_commit>::with<update_reply>, caf::reacts_to<replica_changed>>;

/// Follows the meta feed for the node.
using meta_follower_handle = caf::typed_actor<
    // The feed is known to go on.
    caf::reacts_to<news_atom>,
    // An index has been deleted here alone.
    caf::reacts_to<erase_atom, std::string>,
    // The generation that an index should have here; an error when there is none, or nobody knows.
    caf::replies_to<resync_atom, std::string>::with<uint64_t>, caf::reacts_to<replica_replaced>,
    caf::reacts_to<tick_atom>>;

/// The node that a meta_follower works for.
using replica_catalog_handle = caf::typed_actor<caf::replies_to<replica_wanted>::with<done_atom>,
                                                caf::reacts_to<replica_parked>, caf::reacts_to<feed_state>>;

/// What a node measures, as text and over time.
using metrics_handle = caf::typed_actor<
    // In Prometheus' text format.
    caf::replies_to<scrape_atom>::with<std::string>>;

using history_handle = caf::typed_actor<
    // To itself, once a step.
    caf::reacts_to<tick_atom>,
    // The last minutes of an index.
    caf::replies_to<history_atom, std::string>::with<index_history>>;

using node_listener = caf::typed_actor<caf::reacts_to<index_state_changed>>;

/// Follows the states of a node's indexes: all of them, once the data folder is scanned; then every change, until
/// the node shuts down.
using node_watcher = node_listener::extend<caf::reacts_to<index_list>, caf::reacts_to<shutdown_atom>>;

/// The face of an index towards gateways in the same process. A handle that the local node resolves a name to is
/// one of these.
using local_index_handle = index_handle::extend<caf::replies_to<local_search>::with<search_reply>,
                                                caf::replies_to<local_update>::with<update_reply>,
                                                // What is served now, to be described without a copy.
                                                caf::replies_to<served_request>::with<snapshot_ptr>,
                                                // A stream that waits for its client for any time.
                                                caf::replies_to<local_snapshot_request>::with<snapshot_reply>>;

/// The face of an index towards the node's scrub. An index that serves nothing answers with an error.
using scrubbed_index_handle =
    caf::typed_actor<caf::replies_to<scrub_atom>::with<scrub_target>, caf::reacts_to<segment_scrubbed>>;
using scrubbed_indexes_ptr = std::shared_ptr<const std::vector<scrubbed_index_handle>>;

/// Whom the scrub asks for all indexes, when a round begins.
using scrub_directory = caf::typed_actor<caf::replies_to<scrub_atom>::with<scrubbed_indexes_ptr>>;

using scrub_handle = caf::typed_actor<
    // To itself: the next piece, or the next round, is due, unless a later tick has been ordered.
    caf::reacts_to<tick_atom, uint64_t>, caf::reacts_to<settings_atom>,
    // Something has been loaded that may not be verified.
    caf::reacts_to<scrub_atom>>;

/// A member of the cluster, by whatever connection there is to it. Every request is answered in a bounded time.
using member_handle = caf::typed_actor<caf::replies_to<resolve_atom, std::string>::with<index_handle>,
                                       caf::replies_to<std::string, slice_document>::with<document_reply>,
                                       caf::replies_to<std::string, slice_atom>::with<slice_status>>;

/// The face of an index that lies in slices.
using search_router_handle = local_index_handle::extend_with<slice_asker>::extend<
    // To itself: something is due, and another heartbeat is.
    caf::reacts_to<tick_atom>, caf::reacts_to<next_atom>>;

/// All that an index coordinator understands: its faces and what its own actors tell it.
using index_coordinator_handle =
    local_index_handle::extend_with<load_listener>::extend_with<scrubbed_index_handle>::extend_with<base_listener>::
        extend_with<folder_user>::extend_with<unreadable_listener>::extend_with<replica_handle>::extend<
            caf::reacts_to<oplog_opened>, caf::reacts_to<tick_atom>, caf::reacts_to<expire_atom, uint64_t>,
            caf::reacts_to<settings_atom>,
            // The catalog knows a reason to leave the replica alone, or
            // none any more.
            caf::reacts_to<replica_parked>,
            // Answered when the copy is asked for. Then, to itself: it is time for another try.
            caf::replies_to<replica_resync>::with<resync_reply>, caf::reacts_to<resync_atom>,
            // Finishes accepted writes, closes all files, answers, ends.
            caf::replies_to<close_atom>::with<done_atom>>;

using scan_result_ptr = std::shared_ptr<const data_folder::scan_result>;

/// What came of a delete.
struct erased_index {
  bool is_gone = false;  ///< nothing more may be written to it
  index_record record;   ///< of the index that is gone, unless that is in doubt
  caf::error doubt;      ///< set: the next start may find the index deleted, or not
};

/// The data folder's index folders, behind blocking I/O.
using catalog_handle =
    caf::typed_actor<caf::replies_to<scan_atom>::with<scan_result_ptr>,
                     caf::replies_to<create_atom, create_index_request>::with<index_record, bool>,
                     // Makes an empty replica, or finds it.
                     caf::replies_to<create_atom, lineage>::with<index_record, bool>,
                     // A replica may be searched from now on.
                     caf::replies_to<filled_atom, index_record>::with<done_atom>,
                     // Reads the record of an index anew.
                     caf::replies_to<record_atom, std::string>::with<index_record>,
                     caf::replies_to<erase_atom, std::string>::with<erased_index>,
                     caf::replies_to<remove_atom, index_record>::with<done_atom>,
                     caf::replies_to<stage_atom, restore_request>::with<staged_index>,
                     // In the place of a replica.
                     caf::replies_to<stage_atom, replica_restore>::with<staged_index>,
                     caf::replies_to<publish_atom, staged_index>::with<done_atom>,
                     caf::replies_to<discard_atom, staged_index>::with<done_atom>>;

using backup_desk_handle = caf::typed_actor<caf::replies_to<stream_task>::with<snapshot_reply>,
                                            caf::replies_to<restore_request>::with<restore_handle>,
                                            caf::replies_to<replica_restore>::with<restore_handle>,
                                            // Ends all streams and restores, then itself.
                                            caf::reacts_to<close_atom>>;

/// Reads the record of an index anew, and knows the index by that from then on.
using record_source = caf::typed_actor<caf::replies_to<record_atom, std::string>::with<index_record>>;

/// Gives a restored index its place among the others.
using index_publisher = caf::typed_actor<caf::replies_to<publish_atom, staged_index>::with<done_atom>>;

/// All that the node actor understands.
using node_actor_handle = node_handle::extend<caf::reacts_to<index_state_changed>,
                                              // The environment has newer settings.
                                              caf::reacts_to<settings_atom>,
                                              // A create or delete has waited long enough.
                                              caf::reacts_to<expire_atom, uint64_t>>::extend_with<index_publisher>::
    extend_with<replica_catalog_handle>::extend_with<record_source>::extend_with<scrub_directory>::extend_with<
        folder_user>;

}  // namespace fp

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::permit_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::folder_lease_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::manifest_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::commit_batch_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::log_slice_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::file_names_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::segment_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::snapshot_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::retired_segments)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::load_plan)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::load_task)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::segment_loaded)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::load_failed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::load_advanced)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::oplog_opened)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::local_search)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::local_update)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::served_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::search_task)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::search_batch_task)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::document_task)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::merge_job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::merge_outcome)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::index_state_changed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::index_record)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::erased_index)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::scan_result_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::local_snapshot_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::stream_task)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::staged_index)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::index_history)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::scrub_target)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::segment_scrubbed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::scrubbed_indexes_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::feed_commit)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::replica_changed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::replica_restore)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::base_failed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::base_progress)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::replica_resync)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::replica_replaced)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::replica_wanted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::replica_parked)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::feed_state)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::lineage)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::feed_follower_handle)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::append_call)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::append_call::answer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::read_call)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::feed_changes)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::bounds_call)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::feed_bounds)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::newest_call)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::newest_call::answer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::truncate_call)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::changelog_answer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::read_meta_call)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::meta_operations)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::create_lineage_call)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::delete_lineage_call)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::meta_answer)
