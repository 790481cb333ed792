#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/cluster_access.hpp"
#include "actors/environment.hpp"
#include "actors/guarded_actor.hpp"
#include "actors/wake_timer.hpp"
#include "core/slices/question_window.hpp"
#include "core/slices/reply_batches.hpp"
#include "core/slices/slice_router.hpp"

namespace fp {

struct router_setup {
  environment_ptr env;
  index_record record;
  index_coordinator_handle local;  ///< of what this node holds; the router ends with it
  cluster_access cluster;
};

/// The public face of an index that lies in slices on the members of a cluster: every member has one, and each
/// answers for all documents.
///
///     client --search--> search_router --search--> index_coordinator    what this node holds
///     client --anything else--> search_router --> index_coordinator
///
///     here --slice_questions--> a member's search_router --search--> its index_coordinator
///          <--slice_replies----
///     here --heartbeat--> members, once a second: what they hold, and that they are there
///
/// Whom to ask, when to ask another and what an answer is worth is decided by `slice_router`; which questions and
/// replies share a message, by `question_window` and `reply_batches`. A member that is this node itself, or that
/// answers from another start than it said, is asked nothing.
struct search_router_state : routing_effects {
  static inline const char* name = "search_router";

  using pointer = guarded_pointer<search_router_handle, search_router_state>;
  using clock_time = caf::actor_clock::time_point;

  search_router_state() = default;
  ~search_router_state() override;
  void init(pointer self_ptr, router_setup setup_values);

  caf::result<search_reply> search(search_request request);
  caf::result<search_reply> search(search_request_ptr request, cancel_flag_ptr cancel);
  caf::result<search_batch_reply> search_batch(search_batch_request request);
  caf::result<document_reply> document(const document_request& request);
  caf::result<index_info> info(const index_info_request& request);
  void answer(slice_questions& asked);
  void replies_come(slice_replies& come);
  void note_down(const caf::actor_addr& source);
  caf::result<document_reply> document_here(const slice_document& asked);
  cluster_status status() const;
  void tick();
  void heartbeat();

  void ask(uint64_t call, uint64_t search, member_number member, const slice& part) override;
  void finished(uint64_t search, routed_answer answer) override;
  void refused(uint64_t search, const error& why) override;
  void wake_at(clock_time when) override;
  void ping(member_number member) override;
  void left_out(member_number member, const std::string& why) override;

  router_setup setup;

 private:
  struct member_state {
    std::string address;
    member_handle handle;  ///< null: this node
    slice_status slice;
    std::optional<slice_replica> replica;  ///< what it says it holds; nothing: it is asked nothing
    std::string failure;                   ///< why
    bool is_known_twice = false;           ///< by another address, or as this node itself
    bool has_answered = false;             ///< or has failed to, since the start
    bool is_asked = false;                 ///< for its status
    index_handle index;                    ///< null: not found yet; questions wait
    bool is_resolving = false;
    question_window window;
  };
  /// A question to a member that has no reply yet.
  struct member_call {
    uint64_t search = 0;
    member_number member = 0;
    std::string part;  ///< that it is to be of
    clock_time deadline;
  };
  /// A member that asks this one.
  struct asking_member {
    slice_asker handle;
    reply_batches<slice_reply> batches;
  };

  using search_done = std::function<void(caf::expected<search_reply>)>;
  struct pending_search {
    search_request_ptr request;
    cancel_flag_ptr cancel;
    clock_time deadline;
    search_done done;
  };
  struct pending_document {
    document_request request;
    clock_time deadline;
    caf::typed_response_promise<document_reply> promise;
    caf::expected<document_reply> answer{caf::error{}};  ///< the last one
  };

  static constexpr member_number this_node = 0;

  clock_time now() const { return self->clock().now(); }
  void start(search_request_ptr request, cancel_flag_ptr cancel, search_done done);
  void begin(uint64_t number);
  /// As a search of an index that is here whole: waits for its load as long as it may, or says why it has failed.
  void begin_when_loaded(uint64_t number, uint32_t wait_ms);
  /// Slices with and without somebody who says that he answers.
  slice_tiling serving_slices() const;
  bool is_full() const;
  void begin_search(uint64_t number, const pending_search& search);
  void begin_document(uint64_t number, const pending_document& document);
  void ask_for_document(uint64_t call, uint64_t number, member_number member, slice_target target);
  void note_document(uint64_t call, uint64_t number, caf::expected<document_reply> answer);
  uint32_t ms_until(clock_time deadline) const;
  void answered(uint64_t call, const search_reply& reply);
  void failed(uint64_t call, const caf::error& e);
  void ask_member(uint64_t call, uint64_t number, member_number member, const slice& part);
  void find_index(member_number member);
  void send_questions(member_number member);
  void lose_index(member_number member, const error& why);
  void end_late_calls();
  void reply(const caf::actor_addr& to, uint64_t message, slice_reply found);
  void send_replies(const caf::actor_addr& to);
  void send_what_is_due();
  void note_status(member_number member, const slice_status& status);
  void note_failure(member_number member, const std::string& why);
  void note_first_round();
  void update_replicas();
  void note_numbers();
  slice_target target_of(member_number member) const;
  caf::error wrong_target(const slice_target& target) const;

  pointer self = nullptr;
  slice own;
  std::optional<slice_router> router;
  std::vector<member_state> members;  ///< the node itself first
  std::map<uint64_t, pending_search> searches;
  std::map<uint64_t, pending_document> documents;
  std::unordered_map<uint64_t, member_call> calls;
  std::map<caf::actor_addr, asking_member> askers;
  std::vector<uint64_t> early;  ///< of both, those that wait for the members' first words
  bool knows_members = false;
  uint64_t num_asked = 0;
  wake_timer timer;
};

search_router_handle::behavior_type search_router(search_router_state::pointer self, router_setup setup);

}  // namespace fp
