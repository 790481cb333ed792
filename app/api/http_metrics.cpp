#include "app/api/http_metrics.hpp"

#include <algorithm>

#include "core/metrics/family_list.hpp"

namespace fp {

namespace {

// The last slot is that of all others.
constexpr std::array<unsigned, 15> statuses{200, 202, 400, 401, 403, 404, 408, 409,
                                            413, 415, 417, 431, 500, 501, 503};
constexpr size_t num_slots = statuses.size() + 1;

size_t slot_of(unsigned status) {
  return static_cast<size_t>(std::ranges::find(statuses, status) - statuses.begin());
}

std::string status_name(size_t slot) { return slot < statuses.size() ? std::to_string(statuses[slot]) : "other"; }

}  // namespace

http_metrics::http_metrics(std::vector<std::string_view> methods, std::vector<std::string_view> routes)
    : methods_(std::move(methods)),
      routes_(std::move(routes)),
      durations_(methods_.size() * routes_.size() * num_slots),
      refused_(num_slots) {}

http_metrics::~http_metrics() {
  for (auto& d : durations_) delete d.load();
}

void http_metrics::refused(unsigned status) { refused_[slot_of(status)].add(); }

void http_metrics::answered(size_t method, size_t route, unsigned status, std::chrono::nanoseconds took) {
  auto& place = durations_[(method * routes_.size() + route) * num_slots + slot_of(status)];
  auto* values = place.load(std::memory_order_acquire);
  if (values == nullptr) {
    auto made = std::make_unique<histogram>(request_durations());
    // Another thread may have been faster; then `values` is what it made.
    if (place.compare_exchange_strong(values, made.get(), std::memory_order_acq_rel)) values = made.release();
  }
  values->observe(took);
}

void http_metrics::write_to(family_list& out) const {
  for (size_t i = 0; i < durations_.size(); i++) {
    const auto* values = durations_[i].load(std::memory_order_acquire);
    if (values == nullptr) continue;
    const auto status = status_name(i % num_slots);
    const size_t pair = i / num_slots;
    out.add_histogram("fpindex_http_request_duration_seconds", "Time from an HTTP request's receipt to its answer",
                      {{"method", methods_[pair / routes_.size()]},
                       {"route", routes_[pair % routes_.size()]},
                       {"status", status}},
                      *values);
  }
  for (size_t i = 0; i < refused_.size(); i++) {
    // 503 is shown before it occurs, so that a rate sees the first one.
    if (refused_[i].value() == 0 && i != slot_of(503)) continue;
    out.add_counter("fpindex_http_refused_total",
                    "HTTP requests that were refused before their route was known: malformed, too large, too late, "
                    "or one too many",
                    {{"status", status_name(i)}}, static_cast<double>(refused_[i].value()));
  }
}

}  // namespace fp
