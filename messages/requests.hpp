#pragma once

#include <caf/meta/type_name.hpp>
#include <caf/optional.hpp>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.hpp"
#include "core/base/types.hpp"
#include "core/search/search_limits.hpp"
#include "messages/packed.hpp"

// What remote actors say to a node, and what it answers. Layouts are part of the wire protocol: a change to any of
// them needs a new `protocol_version`, because CAF does not notice differing layouts by itself.

namespace fp {

inline constexpr uint32_t protocol_version = 11;

// -- States -------------------------------------------------------------------------------------------------------

/// What an index can do at the moment.
enum class index_state : uint8_t {
  loading = 1,  ///< reading segments and replaying the oplog; searches wait or are refused
  ready,        ///< everything works
  read_only,    ///< searches work, writes are refused; the reason says why
  failed,       ///< loading failed; only status and reload work
  closing,      ///< shutting down or being deleted
};

inline const char* to_string(index_state s) {
  switch (s) {
    case index_state::loading:
      return "loading";
    case index_state::ready:
      return "ready";
    case index_state::read_only:
      return "read_only";
    case index_state::failed:
      return "failed";
    case index_state::closing:
      return "closing";
  }
  return "unknown";
}

/// How the segments of an index are loaded.
enum class load_strategy : uint8_t { none = 1, sequential, parallel };

inline const char* to_string(load_strategy s) {
  switch (s) {
    case load_strategy::none:
      return "none";
    case load_strategy::sequential:
      return "sequential";
    case load_strategy::parallel:
      return "parallel";
  }
  return "unknown";
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, search_result& x) {
  return f(caf::meta::type_name("search_result"), x.id, x.score);
}

// -- Searching ----------------------------------------------------------------------------------------------------

struct search_request {
  hash_list query;
  uint32_t limit = 40;  ///< at most `max_search_limit`
  caf::optional<uint32_t> min_score;
  uint32_t score_pct = 10;
  uint32_t probes = 0;         ///< bits by which found hashes may differ, at most `max_probes`
  uint32_t timeout_ms = 500;   ///< 0: none
  uint32_t ready_wait_ms = 0;  ///< how long to wait for a loading index; 0: fail with index_not_ready
  /// Wait until the index is at this version, for `timeout_ms` or, without one, as long as an index may take to be
  /// ready; then fail with replication_timeout. What a client has written at one replica it finds at any other.
  caf::optional<uint64_t> min_version = caf::none;
  /// Of an index in slices: answer without those that nobody answers for, and tell which.
  bool allow_partial = false;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, search_request& x) {
  return f(caf::meta::type_name("search_request"), x.query, x.limit, x.min_score, x.score_pct, x.probes,
           x.timeout_ms, x.ready_wait_ms, x.min_version, x.allow_partial);
}

struct search_reply {
  result_list results;
  commit_id version = 0;             ///< of the snapshot that was searched
  std::vector<std::string> missing;  ///< slices that were not, see `allow_partial`
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, search_reply& x) {
  return f(caf::meta::type_name("search_reply"), x.results, x.version, x.missing);
}

/// Several searches on one snapshot, answered in order in one message. One failing search fails the batch.
struct search_batch_request {
  std::vector<search_request> searches;  ///< at most `max_search_batch`; `ready_wait_ms` of the first one counts
};
inline constexpr size_t max_search_batch = 1'024;

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, search_batch_request& x) {
  return f(caf::meta::type_name("search_batch_request"), x.searches);
}

struct search_batch_reply {
  std::vector<search_reply> replies;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, search_batch_reply& x) {
  return f(caf::meta::type_name("search_batch_reply"), x.replies);
}

// -- Writing ------------------------------------------------------------------------------------------------------

/// One atomic commit. Acknowledged when it is durable and visible.
struct update_request {
  std::vector<uint8_t> changes;              ///< see `changes_encoder`
  caf::optional<uint64_t> expected_version;  ///< fail with version_mismatch unless the index is exactly there
  uint32_t ready_wait_ms = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, update_request& x) {
  return f(caf::meta::type_name("update_request"), x.changes, x.expected_version, x.ready_wait_ms);
}

struct update_reply {
  commit_id version = 0;  ///< the commit's id
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, update_reply& x) {
  return f(caf::meta::type_name("update_reply"), x.version);
}

// -- Looking ------------------------------------------------------------------------------------------------------

struct document_request {
  document_id id = 0;
  uint32_t ready_wait_ms = 0;
  caf::optional<uint64_t> min_version =
      caf::none;  ///< as in `search_request`; waits as long as an index may take to be ready
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, document_request& x) {
  return f(caf::meta::type_name("document_request"), x.id, x.ready_wait_ms, x.min_version);
}

struct document_reply {
  commit_id version = 0;  ///< the commit that last wrote the document
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, document_reply& x) {
  return f(caf::meta::type_name("document_reply"), x.version);
}

/// Asks for `index_info`; waits for readiness like a search.
struct index_info_request {
  uint32_t ready_wait_ms = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, index_info_request& x) {
  return f(caf::meta::type_name("index_info_request"), x.ready_wait_ms);
}

struct index_info {
  commit_id version = 0, file_version = 0;
  std::vector<std::pair<std::string, std::string>> metadata;
  document_id min_document = 0, max_document = 0;  ///< over live documents; 0 and 0 when there are none
  uint64_t num_documents = 0, num_postings = 0, num_bytes = 0;
  uint32_t num_segments = 0, num_memory_segments = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, index_info& x) {
  return f(caf::meta::type_name("index_info"), x.version, x.file_version, x.metadata, x.min_document,
           x.max_document, x.num_documents, x.num_postings, x.num_bytes, x.num_segments, x.num_memory_segments);
}

/// Asks for `segment_list`; waits for readiness like a search.
struct segments_request {
  uint32_t ready_wait_ms = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, segments_request& x) {
  return f(caf::meta::type_name("segments_request"), x.ready_wait_ms);
}

struct segment_summary {
  bool in_memory = false;
  commit_id first_commit = 0, last_commit = 0;
  uint64_t num_documents = 0;  ///< live ones
  uint64_t num_postings = 0, num_bytes = 0;
  document_id min_document = 0, max_document = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, segment_summary& x) {
  return f(caf::meta::type_name("segment_summary"), x.in_memory, x.first_commit, x.last_commit, x.num_documents,
           x.num_postings, x.num_bytes, x.min_document, x.max_document);
}

struct segment_list {
  std::vector<segment_summary> segments;  ///< oldest first
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, segment_list& x) {
  return f(caf::meta::type_name("segment_list"), x.segments);
}

/// How far an index has got with loading. Sent to observers at every segment and about every percent of the bytes;
/// the last one of an attempt has a state other than `loading`.
struct load_progress {
  std::string index;
  uint64_t attempt = 0;
  index_state state = index_state::loading;
  load_strategy strategy = load_strategy::none;
  uint32_t segments_done = 0, segments_total = 0;
  uint64_t bytes_done = 0, bytes_total = 0;
  uint64_t replayed_commits = 0;
  uint64_t elapsed_us = 0;   ///< since the attempt started, until it ended
  uint64_t segments_us = 0;  ///< of that, until the last segment was in
  std::string reason;        ///< why it failed: segment, file, offset
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, load_progress& x) {
  return f(caf::meta::type_name("load_progress"), x.index, x.attempt, x.state, x.strategy, x.segments_done,
           x.segments_total, x.bytes_done, x.bytes_total, x.replayed_commits, x.elapsed_us, x.segments_us,
           x.reason);
}

/// How a replica stands to the changelog that it follows.
struct replica_status {
  std::string state;            ///< "filling", "following", "waiting" or "parked"; empty: it follows none
  std::string reason;           ///< of `waiting` and `parked`
  commit_id newest = 0;         ///< of the changelog, as far as anybody has told
  uint64_t behind_changes = 0;  ///< positions between the replica and that
  uint64_t behind_ms = 0;       ///< how long something newer has been known
  uint32_t attempts = 0;        ///< that have failed, one after the other
  uint64_t next_try_ms = 0;     ///< until the next one; 0: none is waited for
  // While all of it comes from elsewhere.
  std::string donor;                       ///< who gives it, without credentials; empty: nobody does now
  uint64_t base_bytes = 0, base_size = 0;  ///< that have come, and in all; 0: not known yet
  bool resyncing = false;                  ///< a person wants another copy in this one's place
  std::string slice;                       ///< of the index, that it holds; empty: all of it

  /// Whether nothing goes on without somebody who decides it.
  bool needs_person() const { return state == "parked" && !resyncing; }
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, replica_status& x) {
  return f(caf::meta::type_name("replica_status"), x.state, x.reason, x.newest, x.behind_changes, x.behind_ms,
           x.attempts, x.next_try_ms, x.donor, x.base_bytes, x.base_size, x.resyncing, x.slice);
}

/// Everything about an index that can be told in any state, without waiting.
struct index_status {
  std::string name;
  uint64_t generation = 0;
  index_state state = index_state::loading;
  std::string reason;              ///< of `failed` and `read_only`
  errc cause = errc::bad_request;  ///< of `failed`
  commit_id version = 0, file_version = 0;
  load_progress loading;                      ///< of the newest attempt
  uint64_t num_documents = 0, num_bytes = 0;  ///< live documents, and what all segments take
  uint32_t num_file_segments = 0, num_memory_segments = 0;
  uint64_t memory_postings = 0, oplog_bytes = 0;
  uint64_t searches = 0, updates = 0, checkpoints = 0, memory_merges = 0, file_merges = 0;  ///< since start
  uint32_t queued_searches = 0, queued_updates = 0, waiting_requests = 0;
  bool checkpoint_running = false, merge_running = false;
  std::string upkeep_error;          ///< of each kind of upkeep that fails, by kind; empty when none does
  uint32_t damaged_segments = 0;     ///< of those that are served, as scrubs and merges found them
  std::string damage;                ///< what is wrong with the oldest of them
  uint32_t unverified_segments = 0;  ///< of those that are served from files: nobody has read all of them yet
  replica_status replica;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, index_status& x) {
  return f(caf::meta::type_name("index_status"), x.name, x.generation, x.state, x.reason, x.cause, x.version,
           x.file_version, x.loading, x.num_documents, x.num_bytes, x.num_file_segments, x.num_memory_segments,
           x.memory_postings, x.oplog_bytes, x.searches, x.updates, x.checkpoints, x.memory_merges, x.file_merges,
           x.queued_searches, x.queued_updates, x.waiting_requests, x.checkpoint_running, x.merge_running,
           x.upkeep_error, x.damaged_segments, x.damage, x.unverified_segments, x.replica);
}

// -- Maintenance on request
// -----------------------------------------------------------------------------------------

/// Answer to a checkpoint or merge on request.
struct upkeep_reply {
  commit_id version = 0, file_version = 0;
  uint32_t num_file_segments = 0, num_memory_segments = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, upkeep_reply& x) {
  return f(caf::meta::type_name("upkeep_reply"), x.version, x.file_version, x.num_file_segments,
           x.num_memory_segments);
}

// -- The node
// -------------------------------------------------------------------------------------------------------

struct create_index_request {
  std::string name;
  bool expect_does_not_exist = false;
  caf::optional<uint64_t> generation;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, create_index_request& x) {
  return f(caf::meta::type_name("create_index_request"), x.name, x.expect_does_not_exist, x.generation);
}

struct create_index_reply {
  uint64_t generation = 0;
  commit_id version = 0;
  bool ready = false;
  bool created = false;  ///< false: it was there already
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, create_index_reply& x) {
  return f(caf::meta::type_name("create_index_reply"), x.generation, x.version, x.ready, x.created);
}

struct delete_index_request {
  std::string name;
  bool expect_exists = false;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, delete_index_request& x) {
  return f(caf::meta::type_name("delete_index_request"), x.name, x.expect_exists);
}

struct delete_index_reply {
  bool deleted = false;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, delete_index_reply& x) {
  return f(caf::meta::type_name("delete_index_reply"), x.deleted);
}

/// Asks for another copy of a replica in the place of the one that is here.
struct resync_request {
  std::string name;
  std::string slice;     ///< that it is to hold, "2/4"; empty: the configured one
  uint32_t wait_ms = 0;  ///< how long to wait until it has taken the place; then fails with `replication_timeout`
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, resync_request& x) {
  return f(caf::meta::type_name("resync_request"), x.name, x.slice, x.wait_ms);
}

/// The copy is on its way, which `replica_status` tells more of, or has been waited for.
struct resync_reply {
  uint64_t generation = 0;   ///< that is taken
  bool is_searched = false;  ///< the old copy, until the new one is here
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, resync_reply& x) {
  return f(caf::meta::type_name("resync_reply"), x.generation, x.is_searched);
}

/// Tells a node that is to be stopped, or not any more: other members of its cluster then ask it only what nobody
/// else can answer. Until it ends.
struct drain_request {
  bool is_on = true;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, drain_request& x) {
  return f(caf::meta::type_name("drain_request"), x.is_on);
}

struct drain_reply {
  bool was_on = false;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, drain_reply& x) {
  return f(caf::meta::type_name("drain_reply"), x.was_on);
}

struct index_entry {
  std::string name;
  uint64_t generation = 0;
  index_state state = index_state::loading;
  std::string reason;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, index_entry& x) {
  return f(caf::meta::type_name("index_entry"), x.name, x.generation, x.state, x.reason);
}

struct index_list {
  std::vector<index_entry> indexes;  ///< by name
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, index_list& x) {
  return f(caf::meta::type_name("index_list"), x.indexes);
}

/// The changelog that a node's indexes follow.
struct followed_changelog {
  std::string name;        ///< what it is and where; empty: the node follows none
  bool caught_up = false;  ///< all that its meta feed held at the start has been looked at
  uint64_t position = 0;   ///< in the meta feed
  std::string failure;     ///< why it does not answer
  std::vector<std::pair<std::string, std::string>> parked;  ///< names that are left alone, and why
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, followed_changelog& x) {
  return f(caf::meta::type_name("followed_changelog"), x.name, x.caught_up, x.position, x.failure, x.parked);
}

struct node_status {
  std::string version;  ///< of the program, e.g. "0.1.0"
  uint32_t protocol = protocol_version;
  uint32_t pid = 0;
  uint64_t uptime_ms = 0;
  std::string data_folder;
  uint32_t loaders_running = 0, loaders_allowed = 0;
  index_list indexes;
  followed_changelog changelog;
  bool is_draining = false;  ///< see `drain_request`
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, node_status& x) {
  return f(caf::meta::type_name("node_status"), x.version, x.protocol, x.pid, x.uptime_ms, x.data_folder,
           x.loaders_running, x.loaders_allowed, x.indexes, x.changelog, x.is_draining);
}

}  // namespace fp
