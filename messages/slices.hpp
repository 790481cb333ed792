#pragma once

#include <caf/meta/type_name.hpp>
#include <caf/optional.hpp>
#include <caf/typed_actor.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "messages/requests.hpp"

// What the members of a cluster say to each other about an index that lies in slices on them, and what they tell of
// that.

namespace fp {

/// Whose replica a request is for. Any other one refuses it: a connection may lead elsewhere than it did, or to
/// another start of the same member.
struct slice_target {
  uint64_t instance = 0;    ///< of the member, see `environment::instance`
  uint64_t generation = 0;  ///< of the lineage
  std::string slice;        ///< "2/4"
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, slice_target& x) {
  return f(caf::meta::type_name("slice_target"), x.instance, x.generation, x.slice);
}

/// A search of what one member holds.
struct slice_question {
  uint64_t call = 0;  ///< the reply says it again
  search_request search;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, slice_question& x) {
  return f(caf::meta::type_name("slice_question"), x.call, x.search);
}

/// Searches of one replica, which are answered one by one: whoever sends them is a `slice_asker`.
struct slice_questions {
  slice_target target;
  std::vector<slice_question> questions;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, slice_questions& x) {
  return f(caf::meta::type_name("slice_questions"), x.target, x.questions);
}

/// Has no results where `code` says that the search has failed.
struct slice_reply {
  uint64_t call = 0;
  search_reply found;
  caf::optional<errc> code = caf::none;
  std::string reason;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, slice_reply& x) {
  return f(caf::meta::type_name("slice_reply"), x.call, x.found, x.code, x.reason);
}

/// In any order, and not those of one message together.
struct slice_replies {
  std::vector<slice_reply> replies;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, slice_replies& x) {
  return f(caf::meta::type_name("slice_replies"), x.replies);
}

using slice_asker = caf::typed_actor<caf::reacts_to<slice_replies>>;

struct slice_document {
  slice_target target;
  document_request document;
  uint32_t wait_ms = 0;  ///< how long whoever asks waits until the member is at the document's `min_version`
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, slice_document& x) {
  return f(caf::meta::type_name("slice_document"), x.target, x.document, x.wait_ms);
}

/// What a member holds of an index.
struct slice_status {
  std::string node;  ///< its configured name
  uint64_t instance = 0, generation = 0;
  std::string slice;  ///< "1/1": all of the index
  index_state state = index_state::loading;
  std::string reason;      ///< of a state that is not `ready`
  index_info info;         ///< without metadata
  uint64_t behind_ms = 0;  ///< how long it has known of changes that it does not hold yet
  uint32_t queued_searches = 0;
  bool is_draining = false;  ///< see `drain_request`
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, slice_status& x) {
  return f(caf::meta::type_name("slice_status"), x.node, x.instance, x.generation, x.slice, x.state, x.reason,
           x.info, x.behind_ms, x.queued_searches, x.is_draining);
}

/// A member as the node that is asked knows it.
struct member_status {
  std::string address;  ///< host:port; empty: the node itself
  slice_status slice;   ///< as it said last
  std::string failure;  ///< why it is not asked; empty: it is
  uint32_t in_flight = 0;
  uint64_t asked = 0, hedged = 0, failures = 0;  ///< since the node's start
  uint64_t mean_us = 0, percentile_95_us = 0;    ///< of its last answers, as the node saw them
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, member_status& x) {
  return f(caf::meta::type_name("member_status"), x.address, x.slice, x.failure, x.in_flight, x.asked, x.hedged,
           x.failures, x.mean_us, x.percentile_95_us);
}

struct cluster_status {
  std::vector<member_status> members;  ///< the node itself first
  std::string fault;                   ///< why some documents are not found at the moment; empty: all are
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, cluster_status& x) {
  return f(caf::meta::type_name("cluster_status"), x.members, x.fault);
}

}  // namespace fp
