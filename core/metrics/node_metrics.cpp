#include "core/metrics/node_metrics.hpp"

#include "core/metrics/family_list.hpp"
#include "core/metrics/process_metrics.hpp"

namespace fp {

node_metrics::node_metrics() : sources_{std::make_shared<process_metrics>()} {}
node_metrics::~node_metrics() = default;

index_metrics_ptr node_metrics::add_index(const std::string& name) {
  auto added = std::make_shared<index_metrics>(name);
  std::lock_guard lock(mutex_);
  auto& place = indexes_[name];
  if (place) of_removed_ += place->histograms();
  place = added;
  return added;
}

void node_metrics::remove_index(const index_metrics& gone) {
  std::lock_guard lock(mutex_);
  const auto it = indexes_.find(gone.index());
  if (it == indexes_.end() || it->second.get() != &gone) return;
  of_removed_ += gone.histograms();
  indexes_.erase(it);
}

index_metrics_ptr node_metrics::find_index(const std::string& name) const {
  std::lock_guard lock(mutex_);
  const auto it = indexes_.find(name);
  return it == indexes_.end() ? nullptr : it->second;
}

std::vector<index_metrics_ptr> node_metrics::indexes() const {
  std::lock_guard lock(mutex_);
  std::vector<index_metrics_ptr> out;
  for (const auto& [name, index] : indexes_) out.push_back(index);
  return out;
}

void node_metrics::add_source(std::shared_ptr<const metric_source> source) {
  std::lock_guard lock(mutex_);
  sources_.push_back(std::move(source));
}

void node_metrics::add_gauge(std::string name, std::string help,
                             std::vector<std::pair<std::string, std::string>> labels,
                             std::function<double()> value) {
  std::lock_guard lock(mutex_);
  gauges_.push_back({std::move(name), std::move(help), std::move(labels), std::move(value)});
}

std::string node_metrics::text() const {
  decltype(sources_) sources;
  decltype(gauges_) gauges;
  std::vector<index_metrics_ptr> shown;
  index_histograms of_node;
  {
    std::lock_guard lock(mutex_);
    sources = sources_;
    gauges = gauges_;
    of_node = of_removed_;
    for (const auto& [name, index] : indexes_) shown.push_back(index);
  }
  family_list list;
  for (const auto& index : shown) {
    index->write_to(list);
    of_node += index->histograms();
  }
  of_node.write_to(list);
  for (const auto& g : gauges) {
    list.add_gauge(g.name, g.help, metric_labels(g.labels.begin(), g.labels.end()), g.value());
  }
  for (const auto& source : sources) source->write_to(list);
  return list.take();
}

}  // namespace fp
