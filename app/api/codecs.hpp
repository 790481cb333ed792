#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "app/api/body_decoder.hpp"
#include "app/api/node_overview.hpp"
#include "core/index/snapshot.hpp"
#include "core/metrics/history.hpp"
#include "messages/requests.hpp"

namespace fp {

// Requests. Nothing: the body cannot be decoded.

/// `limit` and `timeout` are clamped as the contract says. An empty query is valid.
std::optional<search_request> decode_search(std::string_view body, body_format format);

struct http_update {
  std::vector<uint8_t> changes;  ///< see `changes_encoder`; not yet validated
  std::optional<uint64_t> expected_version;
};
/// Metadata of the body follow its changes. Hash lists may be empty.
std::optional<http_update> decode_update(std::string_view body, body_format format);

/// The body of a single document: its hashes, which may be none.
std::optional<std::vector<hash_value>> decode_document(std::string_view body, body_format format);

struct http_create {
  bool expect_does_not_exist = false;
  std::optional<uint64_t> generation;
};
std::optional<http_create> decode_create(std::string_view body, body_format format);

struct http_delete {
  bool expect_exists = false;
};
std::optional<http_delete> decode_delete(std::string_view body, body_format format);

// Answers. MessagePack names a field by its first letter.

std::string encode_empty(body_format format);
std::string encode_error(std::string_view name, std::string_view reason, body_format format);  ///< no reason: ""
std::string encode_search(const search_reply& reply, body_format format);
std::string encode_version(commit_id version, body_format format);
std::string encode_created(const create_index_reply& reply, body_format format);
std::string encode_deleted(bool deleted, body_format format);
/// `stats` keep their full names.
std::string encode_info(const snapshot& index, body_format format);
/// In MessagePack `num_docs`, `num_items`, `min_doc_id` and `max_doc_id` keep their full names: their first letters
/// do not tell them apart.
std::string encode_segments(const segment_list& list, body_format format);
std::string encode_status(const index_status& status, body_format format);
/// Full names in both formats.
std::string encode_history(const index_history& history, body_format format);
/// All fields keep their full names in both formats.
std::string encode_overview(const node_overview& overview, body_format format);

}  // namespace fp
