#pragma once

#include <nlohmann/json.hpp>

#include "app/api/request_bodies.hpp"
#include "core/commit/changes.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace fp::fuzz {

/// Decodes a body as each request that it may be. Everything that is accepted is well-formed for another parser,
/// too, and what it asks for keeps the contract's bounds.
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
  const json tree =
      format == body_format::json ? json::parse(body, nullptr, false) : json::from_msgpack(body, true, false);
  require(tree.is_object(), "accepted what is no object");
}

}  // namespace fp::fuzz
