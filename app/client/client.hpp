#pragma once

#include <caf/scoped_actor.hpp>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "app/client/client_options.hpp"
#include "app/client/connection_actor.hpp"
#include "app/client/direct_reader.hpp"
#include "app/client/snapshot_source.hpp"
#include "core/backup/backup_format.hpp"

namespace fp {

/// Takes the next bytes of a backup; the header says what it is of.
using backup_sink =
    std::function<void(std::span<const std::byte> bytes, const backup_format::stream_header& header)>;
/// Reads up to `out.size()` bytes of a backup and returns the count; 0 only at the end.
using backup_source = std::function<size_t(std::span<std::byte> out)>;

/// A node, for programs that are no actors themselves: every method asks the node and waits for the answer, a
/// bounded time. One thread at a time may use an object; threads that share an actor system make an object each.
///
/// Nothing is connected before the first call, and a lost connection is made anew at the next one. Methods throw
/// `fp::error` with the node's code and text; `unreachable` (no node there, or gone), `protocol_mismatch`
/// (something else is there) and `request_timeout` name host and port. Reads are sent once or twice more when the
/// connection was lost before their answer came. Writes are not: after `unreachable` or `request_timeout` the node
/// may have done what was asked. Inserts and deletes of documents may simply be repeated.
///
/// Connections are made by mutual TLS when the actor system's configuration has TLS files (`system_config`).
///
/// A connection attempt to a host that drops packets cannot be interrupted: the actor system's destructor waits
/// until the operating system gives up.
class client {
 public:
  client(caf::actor_system& system, client_options options);
  ~client();
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  const client_options& options() const noexcept { return options_; }

  // -- The node
  node_status status();
  index_list list();
  create_index_reply create_index(const create_index_request& request);
  delete_index_reply delete_index(const delete_index_request& request);
  resync_reply resync(const resync_request& request);
  drain_reply drain(bool is_on);
  /// Ends the node. It answers before it starts to.
  node_status shutdown();

  // -- Documents
  search_reply search(const std::string& index, const search_request& request);
  search_batch_reply search_batch(const std::string& index, const search_batch_request& request);
  update_reply update(const std::string& index, const update_request& request);
  update_reply insert(const std::string& index, document_id id, std::span<const hash_value> hashes);
  document_reply document(const std::string& index, const document_request& request);
  /// The same; nothing when there is no such document.
  std::optional<document_reply> find_document(const std::string& index, const document_request& request);

  // -- Backups (backup_transfer.cpp)
  /// Reads a backup of an index's newest commit into `sink`, a piece at a time, and checks it on the way. When it
  /// returns, with what the backup says of itself, the backup is whole and can be restored. Throws `corrupt_data`
  /// when it is not, and what `sink` throws.
  backup_format::stream_header snapshot(const std::string& index, const backup_sink& sink,
                                        const snapshot_request& request = {});
  /// Reads an index's newest commit in fpindex's format (`core/fpindex/snapshot_header.hpp`).
  std::unique_ptr<snapshot_source> fpindex_snapshot(const std::string& index, uint32_t ready_wait_ms = 0);
  /// Restores a backup as an index of a name that none has. When it returns, the index is on the node's disk and
  /// loads; when it throws, there is none, unless the connection was lost at the very end. Throws what `source`
  /// throws.
  restore_reply restore(const std::string& name, const backup_source& source) {
    return restore(restore_request{name}, source);
  }
  /// The same in place of an index that may be there, or with a generation (see `restore_request`).
  restore_reply restore(const restore_request& request, const backup_source& source);

  // -- Indexes
  index_info info(const std::string& index, const index_info_request& request = {});
  segment_list segments(const std::string& index, const segments_request& request = {});
  index_status status(const std::string& index);
  /// Who holds which slices of an index. Throws `bad_request` for one that is not in slices.
  cluster_status cluster(const std::string& index);
  /// What the node itself holds of an index, in slices or not.
  slice_status held_slice(const std::string& index);
  upkeep_reply checkpoint(const std::string& index);
  upkeep_reply merge(const std::string& index);
  index_status reload(const std::string& index);

  /// Calls `observe` with the load progress of an index, at once and at every change, until it returns false, the
  /// index is no longer loading, or `stop` is requested (from any thread). Returns the last progress. Throws
  /// `unreachable` when the node or the index goes away meanwhile, `request_timeout` when nothing is heard of it
  /// for as long as `upkeep_timeout`.
  load_progress subscribe(const std::string& index, const std::function<bool(const load_progress&)>& observe,
                          std::stop_token stop = {});

 private:
  friend class update_pipeline;

  template <class Reply, class... Ts>
  Reply ask(const Ts&... xs);
  /// Asks an index what changes nothing: straight, else over the connection, which makes it and finds the index.
  template <class Reply, class Request>
  Reply read(const std::string& index, const Request& request);
  /// Asks, and returns what waits for the answer.
  template <class Reply, class... Ts>
  std::function<Reply()> ask_later(const Ts&... xs);

  client_options options_;
  caf::scoped_actor self_;
  direct_reader reader_;
  connection_handle connection_;
};

/// Sends updates without waiting for each one's answer, a bounded number at a time. The node applies them in the
/// order of `send`, each one atomically. After a failure, updates that were sent later may still have been applied.
class update_pipeline {
 public:
  /// `window`: updates that may be unanswered at one time, at least 1.
  update_pipeline(client& node, std::string index, size_t window);

  size_t in_flight() const noexcept { return answers_.size(); }
  bool is_full() const noexcept { return answers_.size() >= window_; }
  /// To be called when not full.
  void send(const update_request& request);
  /// Waits for the answer to the oldest update that has none. Throws what `client::update` does.
  update_reply receive();

 private:
  client& node_;
  std::string index_;
  size_t window_;
  std::deque<std::function<update_reply()>> answers_;
};

}  // namespace fp
