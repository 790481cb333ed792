#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/metrics/primitives.hpp"

namespace fp {

using metric_labels = std::vector<std::pair<std::string_view, std::string_view>>;

/// Writes values in Prometheus' text format 0.0.4: one family a name, with all that was added under it.
/// https://prometheus.io/docs/instrumenting/exposition_formats/
class family_list {
 public:
  void add_counter(std::string_view name, std::string_view help, const metric_labels& labels, double value);
  void add_gauge(std::string_view name, std::string_view help, const metric_labels& labels, double value);
  /// Of a value 0, only the family is shown: most values of most indexes are.
  void add_counter_unless_0(std::string_view name, std::string_view help, const metric_labels& labels,
                            double value);
  void add_gauge_unless_0(std::string_view name, std::string_view help, const metric_labels& labels, double value);
  /// A family that may have no values.
  void declare(std::string_view name, std::string_view help, std::string_view type) { family(name, help, type); }
  void add_histogram(std::string_view name, std::string_view help, const metric_labels& labels,
                     const histogram& values);
  /// Counts of one shape. `bounds`, if given, are some of the shape's: only these are shown.
  void add_histogram(std::string_view name, std::string_view help, const metric_labels& labels,
                     const histogram_shape& shape, const histogram_counts& counts,
                     std::span<const uint64_t> bounds = {});
  /// The text, families in the order in which their names were first added.
  std::string take();

 private:
  /// The lines of a family, to be added to.
  std::string& family(std::string_view name, std::string_view help, std::string_view type);

  std::vector<std::string> families_;
  std::map<std::string, size_t, std::less<>> positions_;
};

}  // namespace fp
