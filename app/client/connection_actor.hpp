#pragma once

#include <caf/all.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "app/asking/index_asker.hpp"
#include "app/asking/request_deadlines.hpp"
#include "app/client/client_options.hpp"
#include "app/client/direct_line.hpp"
#include "messages/types.hpp"

namespace fp {

/// A node as a local actor: what `node_handle` understands, and what `index_handle` understands with the index's
/// name in front. Every request is answered in a bounded time; errors carry an `errc` and a text.
using connection_handle =
    caf::typed_actor<caf::replies_to<create_index_request>::with<create_index_reply>,
                     caf::replies_to<delete_index_request>::with<delete_index_reply>,
                     caf::replies_to<resync_request>::with<resync_reply>,
                     caf::replies_to<drain_request>::with<drain_reply>,
                     caf::replies_to<list_atom>::with<index_list>, caf::replies_to<status_atom>::with<node_status>,
                     caf::replies_to<shutdown_atom>::with<node_status>,
                     caf::replies_to<resolve_atom, std::string>::with<index_handle>,
                     caf::replies_to<std::string, search_request>::with<search_reply>,
                     caf::replies_to<std::string, search_batch_request>::with<search_batch_reply>,
                     caf::replies_to<std::string, update_request>::with<update_reply>,
                     caf::replies_to<std::string, document_request>::with<document_reply>,
                     caf::replies_to<std::string, index_info_request>::with<index_info>,
                     caf::replies_to<std::string, segments_request>::with<segment_list>,
                     caf::replies_to<std::string, status_atom>::with<index_status>,
                     caf::replies_to<std::string, checkpoint_atom>::with<upkeep_reply>,
                     caf::replies_to<std::string, merge_atom>::with<upkeep_reply>,
                     caf::replies_to<std::string, reload_atom>::with<index_status>,
                     caf::replies_to<std::string, snapshot_request>::with<snapshot_reply>,
                     caf::replies_to<std::string, slice_document>::with<document_reply>,
                     caf::replies_to<std::string, slice_atom>::with<slice_status>,
                     caf::replies_to<std::string, cluster_atom>::with<cluster_status>,
                     caf::replies_to<restore_request>::with<restore_handle>,
                     // What the last two have handed out.
                     caf::replies_to<backup_stream_handle, next_atom>::with<backup_piece>,
                     caf::replies_to<restore_handle, backup_piece>::with<done_atom>,
                     caf::replies_to<restore_handle, finish_atom>::with<restore_reply>,
                     // To itself: the next attempt of a connection, and the next deadline of a request.
                     caf::reacts_to<tick_atom, uint64_t>, caf::reacts_to<expire_atom>>;

/// Keeps the connection to one node: made at the first request, made anew at the first request after it was lost.
///
///     program --request--> connection_actor --connect--> middleman actor     (requests wait, bounded in number)
///                                           --status---> node_actor          (is it alive, does it speak as we do)
///                                           --resolve--> node_actor          (once per index, then remembered)
///                                           --request--> node_actor or index_coordinator, or what they hand out
///     program <--answer or error--
///                                           <--down----- either of them, or the connection to them
///
/// CAF drops requests to a remote actor that is gone without a word, so every remote actor is monitored and its
/// unanswered requests fail when it goes: reads are sent once more, writes are not, since the node may have done
/// them.
struct connection_state {
  static inline const char* name = "connection_actor";

  using pointer = connection_handle::stateful_pointer<connection_state>;
  using clock_time = caf::actor_clock::time_point;

  enum class phase : uint8_t { idle, connecting, connected };

  /// A request on its way.
  struct operation {
    bool is_read = false;
    uint32_t losses = 0;    ///< how often the answer was lost
    uint32_t restarts = 0;  ///< how often it was put back before it was sent
    std::function<void(const std::shared_ptr<operation>&)> send;
    std::function<void(const caf::error&)> fail;
  };
  using operation_ptr = std::shared_ptr<operation>;

  void init(pointer self_ptr, client_options o);

  // -- Requests
  template <class Reply, class... Ts>
  caf::result<Reply> ask_node(bool is_read, std::chrono::milliseconds timeout, const Ts&... xs);
  template <class Reply, class... Ts>
  caf::result<Reply> ask_index(std::string index, bool is_read, std::chrono::milliseconds timeout, const Ts&... xs);
  /// Asks an actor that the node has handed out for one job.
  template <class Reply, class Handle, class... Ts>
  caf::result<Reply> ask_job(const Handle& job, const Ts&... xs);
  caf::result<delete_index_reply> erase(const delete_index_request& request);
  caf::result<resync_reply> resync(const resync_request& request);
  caf::result<index_handle> resolve(const std::string& index);
  void submit(const operation_ptr& op);
  /// Sends to `target`, and fails or repeats `op` when that does not answer.
  template <class Reply, class Handle, class... Ts>
  void forward(const operation_ptr& op, const Handle& target, std::chrono::milliseconds timeout,
               caf::typed_response_promise<Reply> promise, const Ts&... xs);
  void failed(const operation_ptr& op, const caf::error& why);
  /// It was sent, and `why` came instead of an answer.
  void not_answered(const operation_ptr& op, const caf::error& why, std::chrono::milliseconds timeout);
  /// The node did not tell the handle of its index, so that it was not sent.
  void not_resolved(const operation_ptr& op, const caf::error& why);
  /// The answer will not come: once more for a read, else an error.
  void answer_lost(const operation_ptr& op);
  size_t num_pending() const;

  // -- The connection
  void start_connecting();
  void connect(uint64_t attempt);
  void verify(uint64_t attempt, const caf::strong_actor_ptr& published, const std::set<std::string>& interface);
  void connected();
  void connect_failed(const caf::error& why);
  /// What a failed connection attempt means to a person.
  caf::error describe(const caf::error& why) const;
  void down(const caf::down_msg& m);
  void node_lost();
  std::chrono::milliseconds time_left() const;

  pointer self = nullptr;
  client_options options;
  direct_line_ptr line = std::make_shared<direct_line>();
  phase now_in = phase::idle;
  uint64_t attempts = 0;       ///< answers to older attempts are ignored
  uint32_t stale_handles = 0;  ///< of this connection attempt
  clock_time deadline;         ///< of this connection attempt
  node_handle node;
  std::deque<operation_ptr> waiting;  ///< for the connection
  request_deadlines deadlines;
  index_asker<pointer, index_handle> indexes;
  std::set<caf::actor_addr> jobs;  ///< monitored ones
};

connection_handle::behavior_type connection_actor(connection_state::pointer self, client_options options);

/// One that shares the indexes it finds with a reader beside it.
connection_handle::behavior_type shared_connection_actor(connection_state::pointer self, client_options options,
                                                         direct_line_ptr line);

}  // namespace fp
