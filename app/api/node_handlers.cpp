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

}  // namespace fp
