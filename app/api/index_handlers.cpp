#include <algorithm>

#include "app/api/answer_bodies.hpp"
#include "app/api/api_call.hpp"
#include "app/api/backup_body.hpp"
#include "app/api/handlers.hpp"
#include "app/api/request_bodies.hpp"
#include "app/gateway/request_timeouts.hpp"
#include "core/base/checksum.hpp"

namespace fp {

namespace {

http_response health(const index_status& s) {
  switch (s.state) {
    case index_state::ready:
    case index_state::read_only:
      return text_response(200, "OK\n");
    case index_state::failed:
      return text_response(503, "FAILED\n");
    default:
      return text_response(503, "LOADING\n");
  }
}

/// "?held=1122334455667788,...": what the asker has of a base that broke off.
held_segments_ptr held_segments_of(const api_call& c) {
  std::vector<uint64_t> ids;
  auto rest = c.parameter_text("held").value_or("");
  while (!rest.empty()) {
    const auto text = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(text.size() + 1, rest.size()));
    if (const auto id = parse_hex16(text)) ids.push_back(*id);
  }
  return ids.empty() ? nullptr : std::make_shared<const std::vector<uint64_t>>(std::move(ids));
}

/// "?base_for=1122334455667788": the node that asks, see `environment::instance`; 0: none.
uint64_t base_wanted_by(const api_call& c) {
  const auto text = c.parameter_text("base_for");
  return text ? parse_hex16(*text).value_or(0) : 0;
}

}  // namespace

void handlers::create_index(const api_service& service, api_call& c) {
  const auto wish = c.optional_body(decode_create);
  if (!wish) return;
  create_index_request request;
  request.name = c.index();
  request.expect_does_not_exist = wish->expect_does_not_exist;
  if (wish->generation) request.generation = *wish->generation;
  service.ask_node<create_index_reply>(
      c, folder_timeout,
      [f = c.format](const create_index_reply& made) {
        return make_response(made.ready ? 200 : 202, encode_created(made, f), f);
      },
      request);
}

void handlers::delete_index(const api_service& service, api_call& c) {
  const auto wish = c.optional_body(decode_delete);
  if (!wish) return;
  service.ask_node<delete_index_reply>(
      c, folder_timeout,
      [f = c.format](const delete_index_reply& done) {
        return make_response(200, encode_deleted(done.deleted, f), f);
      },
      delete_index_request{c.index(), wish->expect_exists});
}

void handlers::describe_index(const api_service& service, api_call& c) {
  if (c.is_head()) {
    // An index exists in whatever state it is.
    service.ask_index<index_status>(
        c, look_timeout, [f = c.format](const index_status&) { return make_response(200, {}, f); }, status_atom_v);
    return;
  }
  service.ask_loaded_index<index_info>(
      c, look_timeout,
      [f = c.format](const index_info& told) { return make_response(200, encode_info(told, f), f); },
      index_info_request{});
}

void handlers::tell_cluster(const api_service& service, api_call& c) {
  service.ask_index<cluster_status>(
      c, look_timeout,
      [f = c.format](const cluster_status& s) { return make_response(200, encode_cluster(s, f), f); },
      cluster_atom_v);
}

void handlers::tell_health(const api_service& service, api_call& c) {
  service.ask_index<index_status>(c, look_timeout, health, status_atom_v);
}

void handlers::tell_status(const api_service& service, api_call& c) {
  service.ask_index<index_status>(
      c, look_timeout, [f = c.format](const index_status& s) { return make_response(200, encode_status(s, f), f); },
      status_atom_v);
}

void handlers::tell_history(const api_service& service, api_call& c) {
  if (!service.history) {
    c.not_found();
    return;
  }
  service.in_bridge(c, [whom = service.history, index = c.index(), r = c.respond, f = c.format,
                        failed = c.failed()](bridge_state& b) {
    b.ask<index_history>(
        whom, look_timeout, [=](const index_history& h) { r(make_response(200, encode_history(h, f), f)); }, failed,
        history_atom_v, index);
  });
}

void handlers::list_segments(const api_service& service, api_call& c) {
  service.ask_index<segment_list>(
      c, look_timeout,
      [f = c.format](const segment_list& s) { return make_response(200, encode_segments(s, f), f); },
      segments_request{});
}

void handlers::back_up(const api_service& service, api_call& c) {
  local_snapshot_request wanted;
  wanted.format = snapshot_format(c.request);
  http_response response;
  response.content_type = octets_type;
  if (wanted.format == stream_format::backup) {
    wanted.held = held_segments_of(c);
    wanted.for_node = base_wanted_by(c);
    try {
      wanted.part = slice::parse(c.parameter_text("slice").value_or("1/1"));
    } catch (const error&) {
      c.refuse(400, "BadRequest");
      return;
    }
    response.content_type = wanted.held ? rest_type : backup_type;
  }
  response.fields.emplace_back("Vary", "Accept");
  if (c.is_head()) {
    service.ask_index<segment_list>(
        c, look_timeout, [response](const segment_list&) { return response; }, segments_request{});
    return;
  }
  service.ask_index<snapshot_reply>(
      c, look_timeout,
      [response, bridge = service.bridge_of(c)](const snapshot_reply& opened) {
        auto answer = response;
        if (opened.slice != "1/1") answer.fields.emplace_back("Fpnode-Slice", opened.slice);
        answer.stream = std::make_shared<backup_body>(bridge, opened.stream);
        return answer;
      },
      wanted);
}

}  // namespace fp
