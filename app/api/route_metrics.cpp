#include "app/api/route_metrics.hpp"

#include <array>

#include "app/api/endpoints.hpp"

namespace fp {

namespace {

// In the order of http_method.
constexpr std::array<std::string_view, 6> methods{"GET", "HEAD", "PUT", "POST", "DELETE", "other"};

/// Passes an answer on, and the time that it took.
class measured_exchange final : public http_exchange {
 public:
  measured_exchange(http_responder respond, std::shared_ptr<http_metrics> metrics, http_method method, size_t route,
                    std::shared_ptr<spdlog::logger> log)
      : respond_(std::move(respond)),
        metrics_(std::move(metrics)),
        method_(method),
        route_(route),
        log_(std::move(log)) {}
  ~measured_exchange() override {
    // The server answers in its place.
    if (!answered_.load()) record(500, {});
  }
  void respond(http_response response) override {
    if (!answered_.exchange(true)) record(response.status, response.internal_reason);
    respond_(std::move(response));
  }
  const std::shared_ptr<cancel_flag>& cancel() const override { return respond_.cancel(); }

 private:
  void record(unsigned status, std::string_view internal_reason) {
    metrics_->answered(static_cast<size_t>(method_), route_, status, steady_clock::now() - started_);
    if (!log_ || internal_reason.empty()) return;
    log_->error("{} {} failed: {}", methods[static_cast<size_t>(method_)], route_labels()[route_], internal_reason);
  }

  const http_responder respond_;
  const std::shared_ptr<http_metrics> metrics_;
  const http_method method_;
  const size_t route_;
  const std::shared_ptr<spdlog::logger> log_;
  const steady_clock::time_point started_ = steady_clock::now();
  std::atomic<bool> answered_ = false;
};

}  // namespace

std::shared_ptr<http_metrics> make_http_metrics() {
  static_assert(methods.size() == static_cast<size_t>(http_method::other) + 1);
  return std::make_shared<http_metrics>(std::vector<std::string_view>(methods.begin(), methods.end()),
                                        route_labels());
}

http_responder measured(http_responder respond, std::shared_ptr<http_metrics> metrics, http_method method,
                        size_t route, std::shared_ptr<spdlog::logger> log) {
  return http_responder(
      std::make_shared<measured_exchange>(std::move(respond), std::move(metrics), method, route, std::move(log)));
}

}  // namespace fp
