#pragma once

#include <nlohmann/json.hpp>

#include "app/api/request_bodies.hpp"
#include "core/commit/changes.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace fp::fuzz {

/// Decodes a body as each request that it may be. Everything that is accepted is well-formed for another parser,
/// as far as it can tell, and what it asks for keeps the contract's bounds.
inline void decode_requests(std::string_view body, body_format format) {
  const auto search = decode_search(body, format);
  if (search) {
    require(search->limit >= 1 && search->limit <= 100, "a limit out of bounds");
    require(search->timeout_ms <= 10'000, "a timeout out of bounds");
  }
  const auto update = decode_update(body, format);
  if (update) {
    accepts([&] { validate_changes(update->changes, {}); },
            {errc::bad_request, errc::payload_too_large, errc::invalid_document_id, errc::empty_fingerprint});
  }
  const bool accepted = search || update || decode_document(body, format) || decode_create(body, format) ||
                        decode_delete(body, format);
  if (!accepted) return;
  using nlohmann::json;
  if (format == body_format::json) {
    require(json::parse(body, nullptr, false).is_object(), "accepted what is no object");
    return;
  }
  // That parser refuses keys that are no strings.
  const auto first = static_cast<uint8_t>(body.front());
  require((first & 0xf0) == 0x80 || first == 0xde || first == 0xdf, "accepted what is no object");
  const auto tree = json::from_msgpack(body, true, false);
  require(tree.is_discarded() || tree.is_object(), "accepted what is no object");
}

}  // namespace fp::fuzz
