#pragma once

#include <prometheus/metric_family.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/metrics/primitives.hpp"

namespace fp {

using metric_labels = std::vector<std::pair<std::string_view, std::string_view>>;

/// Gathers values as prometheus-cpp's families: one a name, with all that was added under it.
class family_list {
 public:
  void add_counter(std::string_view name, std::string_view help, const metric_labels& labels, double value);
  void add_gauge(std::string_view name, std::string_view help, const metric_labels& labels, double value);
  void add_histogram(std::string_view name, std::string_view help, const metric_labels& labels,
                     const histogram& values);
  /// In the order in which their names were first added.
  std::vector<prometheus::MetricFamily> take() { return std::exchange(families_, {}); }

 private:
  prometheus::ClientMetric& add(std::string_view name, std::string_view help, prometheus::MetricType type,
                                const metric_labels& labels);

  std::vector<prometheus::MetricFamily> families_;
  std::map<std::string, size_t, std::less<>> positions_;
};

}  // namespace fp
