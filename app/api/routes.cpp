#include "app/api/routes.hpp"

#include <charconv>

#include "app/api/backup_body.hpp"
#include "app/api/codecs.hpp"
#include "app/api/negotiation.hpp"
#include "app/api/operator_page.hpp"
#include "app/api/route_access.hpp"
#include "app/api/route_metrics.hpp"
#include "app/gateway/request_timeouts.hpp"
#include "core/commit/changes.hpp"
#include "core/index/data_folder.hpp"

namespace fp {

namespace {

constexpr std::string_view plain_text = "text/plain; charset=utf-8";
constexpr std::string_view octets_type = "application/octet-stream";
constexpr std::string_view metrics_type = "text/plain; version=0.0.4; charset=utf-8";

http_response text_response(unsigned status, std::string body, std::string_view type = plain_text) {
  http_response r;
  r.status = status;
  r.content_type = type;
  r.body = std::move(body);
  return r;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = static_cast<char>(c | 32);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::optional<document_id> parse_id(std::string_view text) {
  document_id id = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (ec != std::errc() || end != text.data() + text.size() || id == 0) return std::nullopt;
  return id;
}

}  // namespace

bool split_target(std::string_view target, std::vector<std::string>& segments) {
  segments.clear();
  target = target.substr(0, target.find('?'));
  if (target.empty() || target[0] != '/') return false;
  target.remove_prefix(1);
  for (;;) {
    const auto slash = target.find('/');
    const auto raw = target.substr(0, slash);
    std::string segment;
    for (size_t i = 0; i < raw.size(); i++) {
      if (raw[i] != '%') {
        segment += raw[i];
        continue;
      }
      if (i + 2 >= raw.size()) return false;
      const int high = hex_digit(raw[i + 1]), low = hex_digit(raw[i + 2]);
      if (high < 0 || low < 0) return false;
      segment += static_cast<char>(high << 4 | low);
      i += 2;
    }
    segments.push_back(std::move(segment));
    if (slash == std::string_view::npos) return true;
    target.remove_prefix(slash + 1);
  }
}

http_response refused_request(unsigned status, const http_request& head) {
  const auto name = [&]() -> std::string_view {
    switch (status) {
      case 408:
        return "RequestTimeout";
      case 413:
        return "PayloadTooLarge";
      case 417:
        return "ExpectationFailed";
      case 431:
        return "HeaderTooLarge";
      case 500:
        return "InternalError";
      case 501:
        return "NotImplemented";
      case 503:
        return "Overloaded";
      default:
        return "BadRequest";
    }
  };
  return error_response(status, name(), response_format(head));
}

/// A request and the way to answer it.
struct http_routes::call {
  http_request request;
  http_responder respond;
  body_format format;  ///< of the answer

  void refuse(unsigned status, std::string_view name) const { respond(error_response(status, name, format)); }
  bool is(http_method m) const { return request.method == m; }
  bool is_look() const { return is(http_method::get) || is(http_method::head); }

  /// Decodes a body that must be there. When that is impossible it answers why, and returns nothing.
  template <class F>
  auto body(F decode) const -> decltype(decode(std::string_view(), body_format::json)) {
    const auto body_type = request_format(request);
    if (!body_type) {
      refuse(415, "UnsupportedMediaType");
      return std::nullopt;
    }
    auto decoded = decode(request.body, *body_type);
    if (!decoded) refuse(400, "BadRequest");
    return decoded;
  }
  /// The same for a body that may be missing.
  template <class F>
  auto optional_body(F decode) const -> decltype(decode(std::string_view(), body_format::json)) {
    using decoded = decltype(decode(std::string_view(), body_format::json));
    if (request.body.empty()) return decoded(std::in_place);
    return body(decode);
  }
  /// For the callbacks of a request to an actor.
  bridge_state::failure failed() const {
    return [r = respond, f = format](const caf::error& e) { r(error_response(e, f)); };
  }
};

const bridge_handle& http_routes::bridge_of(const call& c) const {
  return bridges_[c.request.io_thread % bridges_.size()];
}

void http_routes::in_bridge(const call& c, std::function<void(bridge_state&)> run) const {
  caf::anon_send(bridge_of(c), bridge_call{std::move(run)});
}

void http_routes::serve(http_request request, http_responder respond) const {
  const auto format = response_format(request);
  call c{std::move(request), std::move(respond), format};
  std::vector<std::string> segments;
  const bool well_formed = split_target(c.request.target, segments);
  if (settings_.measures) {
    const auto route = well_formed ? route_of(segments) : unknown_route();
    c.respond = measured(std::move(c.respond), settings_.measures, c.request.method, route);
  }
  if (!well_formed) {
    c.refuse(400, "BadRequest");
    return;
  }
  if (segments.size() == 1 && segments[0] == "_health" && c.is_look()) {
    c.respond(text_response(200, "OK\n"));
    return;
  }
  if (segments.size() == 1 && segments[0] == "_metrics" && c.is_look()) {
    scrape(c);
    return;
  }
  if (c.is_look() && serve_page(c, segments)) return;
  if (segments.size() > 2 || c.is(http_method::other) || segments[0].empty()) {
    c.refuse(404, "NotFound");
    return;
  }
  auto& index = segments[0];
  if (!is_valid_index_name(index)) {
    c.refuse(400, "InvalidIndexName");
  } else if (segments.size() == 1) {
    serve_index(c, std::move(index));
  } else if (segments[1].starts_with('_')) {
    if (!serve_index_endpoint(c, index, segments[1])) c.refuse(404, "NotFound");
  } else if (c.is(http_method::post)) {
    c.refuse(404, "NotFound");
  } else {
    serve_document(c, std::move(index), segments[1]);
  }
}

// -- Access

std::optional<http_response> http_routes::turn_away(const http_request& head) const {
  const auto begun = steady_clock::now();
  std::vector<std::string> segments;
  const bool well_formed = split_target(head.target, segments);
  auto answer = well_formed ? check_access(head, segments)
                            : std::optional(error_response(400, "BadRequest", response_format(head)));
  if (answer && settings_.measures) {
    settings_.measures->answered(static_cast<size_t>(head.method),
                                 well_formed ? route_of(segments) : unknown_route(), answer->status,
                                 steady_clock::now() - begun);
  }
  return answer;
}

std::optional<http_response> http_routes::check_access(const http_request& head,
                                                       const std::vector<std::string>& segments) const {
  const auto needed = needed_role(head.method, segments);
  if (!needed) return std::nullopt;
  switch (settings_.access->check(head.authorization, *needed)) {
    case access_verdict::allowed:
      return std::nullopt;
    case access_verdict::forbidden:
      return error_response(403, "Forbidden", response_format(head));
    default:
      break;
  }
  auto answer = error_response(401, "Unauthorized", response_format(head));
  answer.fields = {{"WWW-Authenticate", "Bearer"}};
  return answer;
}

// -- Metrics

void http_routes::scrape(const call& c) const {
  if (!settings_.metrics) {
    c.refuse(404, "NotFound");
    return;
  }
  in_bridge(c, [whom = settings_.metrics, r = c.respond, failed = c.failed()](bridge_state& b) {
    b.ask<std::string>(
        whom, look_timeout, [=](const std::string& text) { r(text_response(200, text, metrics_type)); }, failed,
        scrape_atom_v);
  });
}

void http_routes::history(const call& c, const std::string& index) const {
  in_bridge(c, [=, whom = settings_.history, r = c.respond, f = c.format, failed = c.failed()](bridge_state& b) {
    b.ask<index_history>(
        whom, look_timeout, [=](const index_history& h) { r(make_response(200, encode_history(h, f), f)); }, failed,
        history_atom_v, index);
  });
}

// -- The operator's page

bool http_routes::serve_page(call& c, const std::vector<std::string>& segments) const {
  // No document has such an id, so nothing of an index that is called `_page` hides behind it.
  if (segments.size() == 2 && segments[0] == "_page" && segments[1] == "overview") {
    const auto run = [board = board_, r = c.respond, f = c.format, failed = c.failed()](bridge_state& b) {
      board->get(
          b, f, [=](std::string body) { r(make_response(200, std::move(body), f)); }, failed);
    };
    caf::anon_send(bridges_.front(), bridge_call{run});
    return true;
  }
  auto file = operator_page(c.request, segments);
  if (file) c.respond(std::move(*file));
  return file.has_value();
}

// -- Indexes

void http_routes::serve_index(call& c, std::string index) const {
  switch (c.request.method) {
    case http_method::put:
      create(c, std::move(index));
      return;
    case http_method::del:
      erase(c, std::move(index));
      return;
    case http_method::head:
      // An index exists in whatever state it is.
      in_bridge(c, [index = std::move(index), r = c.respond, f = c.format, failed = c.failed()](bridge_state& b) {
        b.ask_index<index_status>(
            index, look_timeout, [=](const index_status&) { r(make_response(200, {}, f)); }, failed, status_atom_v);
      });
      return;
    case http_method::get:
      in_bridge(c, [index = std::move(index), r = c.respond, f = c.format, failed = c.failed()](bridge_state& b) {
        b.ask_index<snapshot_ptr>(
            index, look_timeout,
            [=](const snapshot_ptr& served) { r(make_response(200, encode_info(*served, f), f)); }, failed,
            served_atom_v);
      });
      return;
    default:
      c.refuse(404, "NotFound");
  }
}

bool http_routes::serve_index_endpoint(call& c, const std::string& index, std::string_view endpoint) const {
  if (c.is(http_method::post)) {
    if (endpoint == "_search") {
      search(c, index);
    } else if (endpoint == "_update") {
      update(c, index);
    } else {
      return false;
    }
    return true;
  }
  if (!c.is_look()) return false;
  const auto r = c.respond;
  const auto f = c.format;
  const auto failed = c.failed();
  if (endpoint == "_health") {
    const auto answer = [r](const index_status& s) {
      switch (s.state) {
        case index_state::ready:
        case index_state::read_only:
          return r(text_response(200, "OK\n"));
        case index_state::failed:
          return r(text_response(503, "FAILED\n"));
        default:
          return r(text_response(503, "LOADING\n"));
      }
    };
    in_bridge(
        c, [=](bridge_state& b) { b.ask_index<index_status>(index, look_timeout, answer, failed, status_atom_v); });
  } else if (endpoint == "_status") {
    in_bridge(c, [=](bridge_state& b) {
      b.ask_index<index_status>(
          index, look_timeout, [=](const index_status& s) { r(make_response(200, encode_status(s, f), f)); },
          failed, status_atom_v);
    });
  } else if (endpoint == "_segments") {
    in_bridge(c, [=](bridge_state& b) {
      b.ask_index<segment_list>(
          index, look_timeout, [=](const segment_list& s) { r(make_response(200, encode_segments(s, f), f)); },
          failed, segments_request{});
    });
  } else if (endpoint == "_snapshot") {
    snapshot(c, index);
  } else if (endpoint == "_history" && settings_.history) {
    history(c, index);
  } else {
    return false;
  }
  return true;
}

void http_routes::snapshot(const call& c, const std::string& index) const {
  http_response response;
  response.content_type = octets_type;
  const auto failed = c.failed();
  if (c.is(http_method::head)) {
    in_bridge(c, [=, r = c.respond](bridge_state& b) {
      b.ask_index<segment_list>(
          index, look_timeout, [=](const segment_list&) { r(response); }, failed, segments_request{});
    });
    return;
  }
  in_bridge(c, [=, r = c.respond, bridge = bridge_of(c)](bridge_state& b) {
    b.ask_index<snapshot_reply>(
        index, look_timeout,
        [=](const snapshot_reply& opened) {
          auto answer = response;
          answer.stream = std::make_shared<backup_body>(bridge, opened.stream);
          r(std::move(answer));
        },
        failed, snapshot_atom_v);
  });
}

void http_routes::create(call& c, std::string index) const {
  const auto wish = c.optional_body(decode_create);
  if (!wish) return;
  create_index_request request;
  request.name = std::move(index);
  request.expect_does_not_exist = wish->expect_does_not_exist;
  if (wish->generation) request.generation = *wish->generation;
  in_bridge(c, [=, r = c.respond, f = c.format, failed = c.failed()](bridge_state& b) {
    b.ask_node<create_index_reply>(
        folder_timeout,
        [=](const create_index_reply& made) {
          r(make_response(made.ready ? 200 : 202, encode_created(made, f), f));
        },
        failed, request);
  });
}

void http_routes::erase(call& c, std::string index) const {
  const auto wish = c.optional_body(decode_delete);
  if (!wish) return;
  delete_index_request request{std::move(index), wish->expect_exists};
  in_bridge(c, [=, r = c.respond, f = c.format, failed = c.failed()](bridge_state& b) {
    b.ask_node<delete_index_reply>(
        folder_timeout,
        [=](const delete_index_reply& done) { r(make_response(200, encode_deleted(done.deleted, f), f)); }, failed,
        request);
  });
}

// -- Searches and updates

void http_routes::search(call& c, std::string index) const {
  auto decoded = c.body(decode_search);
  if (!decoded) return;
  const auto timeout = search_wait(decoded->timeout_ms);
  local_search wish{std::make_shared<const search_request>(std::move(*decoded)), c.respond.cancel()};
  in_bridge(c, [=, index = std::move(index), r = c.respond, f = c.format](bridge_state& b) {
    b.ask_index<search_reply>(
        index, timeout, [=](const search_reply& found) { r(make_response(200, encode_search(found, f), f)); },
        [=](const caf::error& e) {
          const bool late = code_of(e) == errc::request_timeout;
          r(error_response(late ? make_error(errc::search_timeout, "") : e, f));
        },
        wish);
  });
}

void http_routes::commit(call& c, std::string index, std::vector<uint8_t> changes,
                         std::optional<uint64_t> expected_version, bool with_version) const {
  local_update wish;
  wish.changes = std::make_shared<const std::vector<uint8_t>>(std::move(changes));
  if (expected_version) wish.expected_version = *expected_version;
  wish.limits.max_bytes = settings_.max_encoded_bytes;
  wish.limits.allow_empty_fingerprints = true;
  in_bridge(c, [=, index = std::move(index), r = c.respond, f = c.format, failed = c.failed()](bridge_state& b) {
    b.ask_index<update_reply>(
        index, write_timeout,
        [=](const update_reply& done) {
          r(make_response(200, with_version ? encode_version(done.version, f) : encode_empty(f), f));
        },
        failed, wish);
  });
}

void http_routes::update(call& c, std::string index) const {
  auto decoded = c.body(decode_update);
  if (!decoded) return;
  c.request.body = {};
  commit(c, std::move(index), std::move(decoded->changes), decoded->expected_version, true);
}

// -- Documents

void http_routes::serve_document(call& c, std::string index, std::string_view text) const {
  const auto id = parse_id(text);
  if (!id) {
    c.refuse(400, "InvalidFingerprintId");
    return;
  }
  changes_encoder changes;
  switch (c.request.method) {
    case http_method::put: {
      const auto hashes = c.body(decode_document);
      if (!hashes) return;
      changes.insert(*id, *hashes);
      commit(c, std::move(index), changes.take(), std::nullopt, false);
      return;
    }
    case http_method::del:
      changes.erase(*id);
      commit(c, std::move(index), changes.take(), std::nullopt, false);
      return;
    default:
      in_bridge(c, [=, r = c.respond, f = c.format, failed = c.failed()](bridge_state& b) {
        b.ask_index<document_reply>(
            index, look_timeout,
            [=](const document_reply& found) { r(make_response(200, encode_version(found.version, f), f)); },
            failed, document_request{*id});
      });
  }
}

}  // namespace fp
