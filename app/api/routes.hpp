#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/api/access_control.hpp"
#include "app/api/api_call.hpp"
#include "app/api/http_metrics.hpp"

namespace fp {

/// Finds the endpoint of each request, looks whether it may be made, and measures how it is answered.
class http_routes {
 public:
  /// Without `access` whoever asks may do anything; without `measures` nothing is measured.
  http_routes(api_service service, std::shared_ptr<const access_control> access,
              std::shared_ptr<http_metrics> measures)
      : service_(std::move(service)), access_(std::move(access)), measures_(std::move(measures)) {}

  /// The answer to a request whose head shows that it may not be made: one for the server's gate, where access is
  /// controlled. Runs on an I/O thread.
  std::optional<http_response> turn_away(const http_request& head) const;
  /// Serves whoever asks. Runs on an I/O thread.
  void serve(http_request request, http_responder respond) const;

 private:
  std::optional<http_response> check_access(const http_request& head,
                                            const std::vector<std::string>& segments) const;

  const api_service service_;
  const std::shared_ptr<const access_control> access_;
  const std::shared_ptr<http_metrics> measures_;
};

/// The answer to a request that never became one of an endpoint.
http_response refused_request(unsigned status, const http_request& head);

/// Splits a target into percent-decoded segments: "/a%20b/c?x" is {"a b", "c"}. False when it is malformed.
bool split_target(std::string_view target, std::vector<std::string>& segments);

}  // namespace fp
