#include "app/api/route_metrics.hpp"

#include <algorithm>
#include <array>

namespace fp {

namespace {

// In the order of http_method.
constexpr std::array<std::string_view, 6> methods{"GET", "HEAD", "PUT", "POST", "DELETE", "other"};

// Targets that are none of the others count as the last one.
constexpr std::array<std::string_view, 15> routes{
    "/",
    "/_health",
    "/_metrics",
    "/_page/:file",
    "/_page/overview",
    "/:index",
    "/:index/:id",
    "/:index/_health",
    "/:index/_history",
    "/:index/_search",
    "/:index/_segments",
    "/:index/_snapshot",
    "/:index/_status",
    "/:index/_update",
    "other",
};

/// Of a pattern; of another one if it is none.
size_t position_of(std::string_view pattern, std::string_view otherwise) {
  auto found = std::ranges::find(routes, pattern);
  if (found == routes.end()) found = std::ranges::find(routes, otherwise);
  return static_cast<size_t>(found - routes.begin());
}

/// Passes an answer on, and the time that it took.
class measured_exchange final : public http_exchange {
 public:
  measured_exchange(http_responder respond, std::shared_ptr<http_metrics> metrics, http_method method, size_t route)
      : respond_(std::move(respond)), metrics_(std::move(metrics)), method_(method), route_(route) {}
  ~measured_exchange() override {
    // The server answers in its place.
    if (!answered_.load()) record(500);
  }
  void respond(http_response response) override {
    if (!answered_.exchange(true)) record(response.status);
    respond_(std::move(response));
  }
  const std::shared_ptr<cancel_flag>& cancel() const override { return respond_.cancel(); }

 private:
  void record(unsigned status) {
    metrics_->answered(static_cast<size_t>(method_), route_, status, steady_clock::now() - started_);
  }

  const http_responder respond_;
  const std::shared_ptr<http_metrics> metrics_;
  const http_method method_;
  const size_t route_;
  const steady_clock::time_point started_ = steady_clock::now();
  std::atomic<bool> answered_ = false;
};

}  // namespace

std::shared_ptr<http_metrics> make_http_metrics() {
  static_assert(methods.size() == static_cast<size_t>(http_method::other) + 1);
  return std::make_shared<http_metrics>(std::vector<std::string_view>(methods.begin(), methods.end()),
                                        std::vector<std::string_view>(routes.begin(), routes.end()));
}

size_t route_of(const std::vector<std::string>& segments) {
  if (segments.size() == 1) return position_of("/" + segments[0], "/:index");
  if (segments.size() != 2) return unknown_route();
  const auto& second = segments[1];
  // Ids have no dots.
  if (segments[0] == "_page" && second.find('.') != std::string::npos) return position_of("/_page/:file", "other");
  if (segments[0] == "_page" && second == "overview") return position_of("/_page/overview", "other");
  return second.starts_with('_') ? position_of("/:index/" + second, "other") : position_of("/:index/:id", "other");
}

std::string_view route_pattern(size_t route) { return routes[route]; }
size_t unknown_route() { return routes.size() - 1; }

http_responder measured(http_responder respond, std::shared_ptr<http_metrics> metrics, http_method method,
                        size_t route) {
  return http_responder(std::make_shared<measured_exchange>(std::move(respond), std::move(metrics), method, route));
}

}  // namespace fp
