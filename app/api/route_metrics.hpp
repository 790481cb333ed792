#pragma once

#include <string>
#include <vector>

#include "app/http/http_server.hpp"
#include "core/metrics/http_metrics.hpp"

namespace fp {

/// The routes and methods by which the HTTP gateway's requests are measured.
std::shared_ptr<http_metrics> make_http_metrics();

/// The route of a target, as a position in what `make_http_metrics` names; `segments` as `split_target` makes them.
size_t route_of(const std::vector<std::string>& segments);
/// The pattern of a route, "/:index/_search" say.
std::string_view route_pattern(size_t route);
/// The route of targets that are none.
size_t unknown_route();

/// A responder whose answer is measured as one to a request that has come in just now.
http_responder measured(http_responder respond, std::shared_ptr<http_metrics> metrics, http_method method,
                        size_t route);

}  // namespace fp
