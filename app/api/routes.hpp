#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/api/access_control.hpp"
#include "app/api/http_gateway.hpp"
#include "app/api/overview_board.hpp"
#include "app/gateway/gateway_bridge.hpp"
#include "app/http/http_types.hpp"
#include "core/metrics/http_metrics.hpp"

namespace fp {

struct route_settings {
  size_t max_encoded_bytes = size_t{96} << 20;  ///< of one update
  // Empty: `_metrics` and `_history` are not found, and nothing is measured.
  metrics_handle metrics;
  history_handle history;
  std::shared_ptr<http_metrics> measures;
  std::shared_ptr<const access_control> access;  ///< empty: whoever asks may do anything
};

/// The endpoints: which request means what, in which format it is answered, and how errors are named.
class http_routes {
 public:
  http_routes(std::vector<bridge_handle> bridges, route_settings settings)
      : bridges_(std::move(bridges)), settings_(std::move(settings)) {}

  /// The answer to a request whose head shows that it may not be made: one for the server's gate, where access is
  /// controlled. Runs on an I/O thread.
  std::optional<http_response> turn_away(const http_request& head) const;
  /// Serves whoever asks. Runs on an I/O thread.
  void serve(http_request request, http_responder respond) const;

 private:
  struct call;
  std::optional<http_response> check_access(const http_request& head,
                                            const std::vector<std::string>& segments) const;
  bool serve_page(call& c, const std::vector<std::string>& segments) const;
  void serve_index(call& c, std::string index) const;
  void serve_document(call& c, std::string index, std::string_view id) const;
  bool serve_index_endpoint(call& c, const std::string& index, std::string_view endpoint) const;
  void snapshot(const call& c, const std::string& index) const;
  void scrape(const call& c) const;
  void history(const call& c, const std::string& index) const;
  void create(call& c, std::string index) const;
  void erase(call& c, std::string index) const;
  void search(call& c, std::string index) const;
  void update(call& c, std::string index) const;
  void commit(call& c, std::string index, std::vector<uint8_t> changes, std::optional<uint64_t> expected_version,
              bool with_version) const;
  const bridge_handle& bridge_of(const call& c) const;
  void in_bridge(const call& c, std::function<void(bridge_state&)> run) const;

  std::vector<bridge_handle> bridges_;
  route_settings settings_;
  /// Of the first bridge alone.
  std::shared_ptr<overview_board> board_ = std::make_shared<overview_board>();
};

/// The answer to a request that never became one of an endpoint.
http_response refused_request(unsigned status, const http_request& head);

/// Splits a target into percent-decoded segments: "/a%20b/c?x" is {"a b", "c"}. False when it is malformed.
bool split_target(std::string_view target, std::vector<std::string>& segments);

}  // namespace fp
