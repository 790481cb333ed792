#include "core/metrics/family_list.hpp"

#include <limits>

namespace fp {

prometheus::ClientMetric& family_list::add(std::string_view name, std::string_view help,
                                           prometheus::MetricType type, const metric_labels& labels) {
  auto found = positions_.find(name);
  if (found == positions_.end()) {
    found = positions_.emplace(name, families_.size()).first;
    auto& family = families_.emplace_back();
    family.name = name;
    family.help = help;
    family.type = type;
  }
  auto& metric = families_[found->second].metric.emplace_back();
  for (const auto& [label, value] : labels) metric.label.push_back({std::string(label), std::string(value)});
  return metric;
}

void family_list::add_counter(std::string_view name, std::string_view help, const metric_labels& labels,
                              double value) {
  add(name, help, prometheus::MetricType::Counter, labels).counter.value = value;
}

void family_list::add_gauge(std::string_view name, std::string_view help, const metric_labels& labels,
                            double value) {
  add(name, help, prometheus::MetricType::Gauge, labels).gauge.value = value;
}

void family_list::add_histogram(std::string_view name, std::string_view help, const metric_labels& labels,
                                const histogram& values) {
  auto& out = add(name, help, prometheus::MetricType::Histogram, labels).histogram;
  const auto counts = values.counts();
  const auto& [bounds, units] = values.shape();
  for (size_t i = 0; i < counts.buckets.size(); i++) {
    out.sample_count += counts.buckets[i];
    const bool bounded = i < bounds.size();
    out.bucket.push_back({out.sample_count, bounded ? static_cast<double>(bounds[i]) / units
                                                    : std::numeric_limits<double>::infinity()});
  }
  out.sample_sum = static_cast<double>(counts.sum) / units;
}

}  // namespace fp
