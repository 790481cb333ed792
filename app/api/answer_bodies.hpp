#pragma once

#include <string>
#include <string_view>

#include "app/api/body_decoder.hpp"
#include "app/api/node_overview.hpp"
#include "app/api/recording_namer.hpp"
#include "app/api/sound_fingerprints.hpp"
#include "core/index/snapshot.hpp"
#include "core/metrics/history.hpp"
#include "messages/requests.hpp"

namespace fp {

// Bodies of answers. MessagePack names a field by its first letter.

std::string encode_empty(body_format format);
std::string encode_error(std::string_view name, std::string_view reason, body_format format);  ///< no reason: ""
std::string encode_search(const search_reply& reply, body_format format);
/// Full names in both formats. `place` is where in the recording the query begins, in seconds.
std::string encode_identified(const named_results& named, body_format format);
/// Full names in both formats.
std::string encode_fingerprints(const sound_fingerprints& of, body_format format);
std::string encode_version(commit_id version, body_format format);
std::string encode_created(const create_index_reply& reply, body_format format);
std::string encode_deleted(bool deleted, body_format format);
/// `stats` keep their full names.
std::string encode_info(const index_info& index, body_format format);
/// Full names in both formats.
std::string encode_cluster(const cluster_status& cluster, body_format format);
/// In MessagePack `num_docs`, `num_items`, `min_doc_id` and `max_doc_id` keep their full names: their first letters
/// do not tell them apart.
std::string encode_segments(const segment_list& list, body_format format);
std::string encode_status(const index_status& status, body_format format);
/// Full names in both formats.
std::string encode_history(const index_history& history, body_format format);
/// All fields keep their full names in both formats.
std::string encode_overview(const node_overview& overview, body_format format);

}  // namespace fp
