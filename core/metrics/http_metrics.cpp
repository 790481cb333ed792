#include "core/metrics/http_metrics.hpp"

#include "core/metrics/family_list.hpp"

namespace fp {

http_metrics::http_metrics(std::vector<std::string_view> methods, std::vector<std::string_view> routes)
    : methods_(std::move(methods)),
      routes_(std::move(routes)),
      durations_(methods_.size() * routes_.size() * num_statuses),
      refused_(num_statuses) {}

http_metrics::~http_metrics() {
  for (auto& d : durations_) delete d.load();
}

size_t http_metrics::slot_of(unsigned status) {
  return std::clamp(status, first_status, first_status + num_statuses - 1) - first_status;
}

void http_metrics::answered(size_t method, size_t route, unsigned status, std::chrono::nanoseconds took) {
  auto& place = durations_[(method * routes_.size() + route) * num_statuses + slot_of(status)];
  auto* values = place.load(std::memory_order_acquire);
  if (values == nullptr) {
    auto made = std::make_unique<histogram>(request_durations());
    // Another thread may have been faster; then `values` is what it made.
    if (place.compare_exchange_strong(values, made.get(), std::memory_order_acq_rel)) values = made.release();
  }
  values->observe(took);
}

std::vector<prometheus::MetricFamily> http_metrics::Collect() const {
  family_list out;
  for (size_t i = 0; i < durations_.size(); i++) {
    const auto* values = durations_[i].load(std::memory_order_acquire);
    if (values == nullptr) continue;
    const auto status = std::to_string(i % num_statuses + first_status);
    const size_t pair = i / num_statuses;
    out.add_histogram("fpindex_http_request_duration_seconds", "Time from an HTTP request's receipt to its answer",
                      {{"method", methods_[pair / routes_.size()]},
                       {"route", routes_[pair % routes_.size()]},
                       {"status", status}},
                      *values);
  }
  for (size_t i = 0; i < refused_.size(); i++) {
    // 503 is shown before it occurs, so that a rate sees the first one.
    if (refused_[i].value() == 0 && i + first_status != 503) continue;
    out.add_counter("fpindex_http_refused_total",
                    "HTTP requests that were refused before their route was known: malformed, too large, too late, "
                    "or one too many",
                    {{"status", std::to_string(i + first_status)}}, static_cast<double>(refused_[i].value()));
  }
  return out.take();
}

}  // namespace fp
