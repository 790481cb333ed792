#include "core/metrics/node_metrics.hpp"

#include <prometheus/collectable.h>
#include <prometheus/text_serializer.h>

#include "core/metrics/family_list.hpp"
#include "core/metrics/process_metrics.hpp"

namespace fp {

node_metrics::node_metrics() : sources_{std::make_shared<process_metrics>()} {}
node_metrics::~node_metrics() = default;

index_metrics_ptr node_metrics::add_index(const std::string& name) {
  auto added = std::make_shared<index_metrics>(name);
  std::lock_guard lock(mutex_);
  indexes_.insert_or_assign(name, added);
  return added;
}

void node_metrics::remove_index(const index_metrics& gone) {
  std::lock_guard lock(mutex_);
  const auto it = indexes_.find(gone.index());
  if (it != indexes_.end() && it->second.get() == &gone) indexes_.erase(it);
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

void node_metrics::add_source(std::shared_ptr<prometheus::Collectable> source) {
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
  {
    std::lock_guard lock(mutex_);
    sources = sources_;
    gauges = gauges_;
  }
  family_list list;
  for (const auto& index : indexes()) index->write_to(list);
  for (const auto& g : gauges) {
    list.add_gauge(g.name, g.help, metric_labels(g.labels.begin(), g.labels.end()), g.value());
  }
  auto families = list.take();
  for (const auto& source : sources) {
    for (auto& family : source->Collect()) families.push_back(std::move(family));
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace fp
