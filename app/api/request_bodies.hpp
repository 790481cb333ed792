#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "app/api/body_decoder.hpp"
#include "messages/requests.hpp"

namespace fp {

// Bodies of requests. Nothing: a body cannot be decoded.

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

}  // namespace fp
