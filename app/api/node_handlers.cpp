#include "app/api/answer_bodies.hpp"
#include "app/api/api_call.hpp"
#include "app/api/handlers.hpp"
#include "app/api/operator_page.hpp"
#include "app/gateway/request_timeouts.hpp"

namespace fp {

namespace {

constexpr std::string_view metrics_type = "text/plain; version=0.0.4; charset=utf-8";

constexpr size_t max_named = 100;

http_response not_ready(const std::string& names) {
  auto r = text_response(503, "LOADING" + names + "\n");
  r.retry_after_s = 1;
  return r;
}

}  // namespace

void handlers::node_health(const api_service&, api_call& c) { c.respond(text_response(200, "OK\n")); }

void handlers::node_readiness(const api_service& service, api_call& c) {
  service.ask_node<index_list>(
      c, look_timeout,
      [tells_names = service.tells_strangers_names](const index_list& all) {
        std::string loading;
        size_t num_named = 0;
        for (const auto& i : all.indexes) {
          if (i.state != index_state::loading) continue;
          if (!tells_names || num_named++ == max_named) {
            loading += tells_names ? " ..." : "";
            return not_ready(loading);
          }
          loading += ' ' + i.name;
        }
        return num_named == 0 ? text_response(200, "OK\n") : not_ready(loading);
      },
      list_atom_v);
}

void handlers::metrics(const api_service& service, api_call& c) {
  if (!service.metrics) {
    c.not_found();
    return;
  }
  service.in_bridge(c, [whom = service.metrics, r = c.respond, failed = c.failed()](bridge_state& b) {
    b.ask<std::string>(
        whom, look_timeout, [=](const std::string& text) { r(text_response(200, text, metrics_type)); }, failed,
        scrape_atom_v);
  });
}

void handlers::page_file(const api_service&, api_call& c) {
  if (auto file = operator_page(c.request, c.segments)) {
    c.respond(std::move(*file));
  } else {
    // It is no id of a document, either.
    c.refuse(400, "InvalidFingerprintId");
  }
}

void handlers::overview(const api_service& service, api_call& c) {
  const auto run = [board = service.board, r = c.respond, f = c.format, failed = c.failed()](bridge_state& b) {
    board->get(
        b, f, [=](std::string body) { r(make_response(200, std::move(body), f)); }, failed);
  };
  caf::anon_send(service.bridges.front(), bridge_call{run});
}

void handlers::fingerprint(const api_service& service, api_call& c) {
  if (!service.sounds) {
    c.not_found();
    return;
  }
  if (c.request.body.empty()) {
    c.respond(error_response(400, "BadRequest", c.format, "there is no sound"));
    return;
  }
  const auto sounds = service.num_sounds;
  std::shared_ptr<void> place(sounds.get(), [sounds](void*) { --*sounds; });
  if (++*sounds > max_sounds) {
    c.respond(error_response(make_error(errc::overloaded, "too many sounds"), c.format));
    return;
  }
  const auto request = std::make_shared<sound_request>(
      sound_request{std::exchange(c.request.body, {}), c.respond.cancel(), std::move(place)});
  service.in_bridge(c, [=, whom = service.sounds, r = c.respond, f = c.format](bridge_state& b) {
    b.ask<sound_fingerprints>(
        whom, sound_timeout,
        [=](const sound_fingerprints& found) { r(make_response(200, encode_fingerprints(found, f), f)); },
        [=](const caf::error& e) {
          // Why a sound cannot be decoded is for who has sent it.
          r(code_of(e) == errc::bad_request ? error_response(400, "BadRequest", f, text_of(e))
                                            : error_response(e, f));
        },
        request);
  });
}

}  // namespace fp
