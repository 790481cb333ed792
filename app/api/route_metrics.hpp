#pragma once

#include <spdlog/logger.h>

#include <memory>

#include "app/api/http_metrics.hpp"
#include "app/http/http_server.hpp"

namespace fp {

/// The routes and methods by which the HTTP gateway's requests are measured.
std::shared_ptr<http_metrics> make_http_metrics();

/// A responder whose answer is measured as one to a request that has come in just now. `route` is one of
/// `route_of`. Internal errors are logged, unless `log` is null.
http_responder measured(http_responder respond, std::shared_ptr<http_metrics> metrics, http_method method,
                        size_t route, std::shared_ptr<spdlog::logger> log = {});

}  // namespace fp
