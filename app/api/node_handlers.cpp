#include "app/api/api_call.hpp"
#include "app/api/handlers.hpp"
#include "app/api/operator_page.hpp"
#include "app/gateway/request_timeouts.hpp"

namespace fp {

namespace {

constexpr std::string_view metrics_type = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace

void handlers::node_health(const api_service&, api_call& c) { c.respond(text_response(200, "OK\n")); }

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
