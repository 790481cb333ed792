#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/metrics/index_metrics.hpp"
#include "core/metrics/metric_source.hpp"

namespace fp {

/// All that a node measures: its indexes, the process, and what gateways add. Safe for use from many threads.
class node_metrics {
 public:
  node_metrics();
  ~node_metrics();
  node_metrics(const node_metrics&) = delete;
  node_metrics& operator=(const node_metrics&) = delete;

  /// Begins to show an index, in place of an earlier one of the same name.
  index_metrics_ptr add_index(const std::string& name);
  /// Shows it no longer; does nothing when another one has taken its place.
  void remove_index(const index_metrics& gone);
  /// Null when there is none.
  index_metrics_ptr find_index(const std::string& name) const;
  /// By name.
  std::vector<index_metrics_ptr> indexes() const;

  void add_source(std::shared_ptr<const metric_source> source);
  /// A gauge whose value is asked for when metrics are read, from whichever thread does.
  void add_gauge(std::string name, std::string help, std::vector<std::pair<std::string, std::string>> labels,
                 std::function<double()> value);

  /// Everything in Prometheus' text format 0.0.4: about 1 KB and 10 us an index that is used.
  std::string text() const;

 private:
  struct gauge_source {
    std::string name, help;
    std::vector<std::pair<std::string, std::string>> labels;
    std::function<double()> value;
  };

  mutable std::mutex mutex_;  ///< held for no longer than it takes to copy the lists
  std::map<std::string, index_metrics_ptr> indexes_;
  index_histograms of_removed_;  ///< what is shown of the whole node never becomes less
  std::vector<std::shared_ptr<const metric_source>> sources_;
  std::vector<gauge_source> gauges_;
};

}  // namespace fp
