#include <charconv>

#include "app/api/answer_bodies.hpp"
#include "app/api/api_call.hpp"
#include "app/api/handlers.hpp"
#include "app/api/request_bodies.hpp"
#include "app/gateway/request_timeouts.hpp"
#include "core/commit/changes.hpp"

namespace fp {

namespace {

/// The id that a path ends with; nothing, and the call is answered, when it is none.
std::optional<document_id> id_of(const api_call& c) {
  const std::string_view text = c.segments.back();
  document_id id = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (ec == std::errc() && end == text.data() + text.size() && id != 0) return id;
  c.refuse(400, "InvalidFingerprintId");
  return std::nullopt;
}

/// Has an index commit changes; the answer tells its version, or nothing.
void commit_changes(const api_service& service, const api_call& c, std::vector<uint8_t> changes,
                    std::optional<uint64_t> expected_version, bool with_version) {
  local_update wish{checked_changes(std::move(changes),
                                    {.max_bytes = service.max_encoded_bytes, .allow_empty_fingerprints = true}),
                    {}};
  if (expected_version) wish.expected_version = *expected_version;
  service.ask_loaded_index<update_reply>(
      c, write_timeout,
      [with_version, f = c.format](const update_reply& done) {
        return make_response(200, with_version ? encode_version(done.version, f) : encode_empty(f), f);
      },
      wish);
}

/// The search that a body asks for; none when that is refused. What the contract does not know is told by a reason.
std::optional<search_request> search_of(const api_call& c) {
  auto decoded = c.body(decode_search);
  if (!decoded) return decoded;
  if (const auto version = c.parameter("min_version")) decoded->min_version = *version;
  decoded->allow_partial = c.parameter("allow_partial").value_or(0) != 0;
  try {
    require_allowed_probes(decoded->probes);
    return decoded;
  } catch (const error& e) {
    c.respond(error_response(400, "BadRequest", c.format, e.what()));
    return std::nullopt;
  }
}

}  // namespace

void handlers::search(const api_service& service, api_call& c) {
  auto decoded = search_of(c);
  if (!decoded) return;
  if (service.direct) {
    try {
      if (const auto found = service.direct->try_search(c.index(), *decoded, c.respond.cancel().get())) {
        c.respond(make_response(200, encode_search(*found, c.format), c.format));
        return;
      }
    } catch (const error& e) {
      c.respond(error_response(to_caf_error(e), c.format));
      return;
    }
  }
  const auto timeout = search_wait(decoded->timeout_ms);
  const auto ready_wait = service.waits->of_search(decoded->timeout_ms);
  local_search wish{std::make_shared<const search_request>(std::move(*decoded)), c.respond.cancel()};
  service.in_bridge(c, [=, waits = service.waits, index = c.index(), r = c.respond, f = c.format](bridge_state& b) {
    waits->ask_index<search_reply>(
        b, index, ready_wait, timeout,
        [=](const search_reply& found) { r(make_response(200, encode_search(found, f), f)); },
        [=](const caf::error& e) {
          const bool late = code_of(e) == errc::request_timeout;
          r(error_response(late ? make_error(errc::search_timeout, "") : e, f));
        },
        wish);
  });
}

void handlers::identify(const api_service& service, api_call& c) {
  if (!service.naming) {
    c.not_found();
    return;
  }
  auto decoded = search_of(c);
  if (!decoded) return;
  const auto wish = std::make_shared<const search_request>(std::move(*decoded));
  // What each step does with the answer of the one before, inside the bridge.
  const auto name = [=, whom = service.naming, index = c.index(), r = c.respond, f = c.format, failed = c.failed()](
                        bridge_state& b, uint64_t generation, const search_reply& found) {
    b.ask<named_results>(
        whom, look_timeout,
        [=](const named_results& named) { r(make_response(200, encode_identified(named, f), f)); }, failed,
        naming_request{index, generation, wish, found.results});
  };
  const auto search = [=, waits = service.waits, index = c.index(), cancel = c.respond.cancel(),
                       failed = c.failed()](bridge_state& b, uint64_t generation) {
    waits->ask_index<search_reply>(
        b, index, waits->of_search(wish->timeout_ms), search_wait(wish->timeout_ms),
        [=, &b](const search_reply& found) { name(b, generation, found); }, failed, local_search{wish, cancel});
  };
  service.in_bridge(c, [=, index = c.index(), failed = c.failed()](bridge_state& b) {
    b.ask_index<index_status>(
        index, look_timeout, [=, &b](const index_status& s) { search(b, s.generation); }, failed, status_atom_v);
  });
}

void handlers::update(const api_service& service, api_call& c) {
  auto decoded = c.body(decode_update);
  if (!decoded) return;
  c.request.body = {};
  commit_changes(service, c, std::move(decoded->changes), decoded->expected_version, true);
}

void handlers::find_document(const api_service& service, api_call& c) {
  const auto id = id_of(c);
  if (!id) return;
  document_request wish{*id};
  if (const auto version = c.parameter("min_version")) wish.min_version = *version;
  service.ask_loaded_index<document_reply>(
      c, wish.min_version ? write_timeout : look_timeout,
      [f = c.format](const document_reply& found) {
        return make_response(200, encode_version(found.version, f), f);
      },
      wish);
}

void handlers::put_document(const api_service& service, api_call& c) {
  const auto id = id_of(c);
  if (!id) return;
  const auto hashes = c.body(decode_document);
  if (!hashes) return;
  changes_encoder changes;
  changes.insert(*id, *hashes);
  commit_changes(service, c, changes.take(), std::nullopt, false);
}

void handlers::delete_document(const api_service& service, api_call& c) {
  const auto id = id_of(c);
  if (!id) return;
  changes_encoder changes;
  changes.erase(*id);
  commit_changes(service, c, changes.take(), std::nullopt, false);
}

}  // namespace fp
