#pragma once

#include <prometheus/collectable.h>

namespace fp {

/// Memory, processor time and file descriptors of this process, read from /proc, by the names that Prometheus'
/// client libraries use. What cannot be read is left out.
class process_metrics final : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override;
};

}  // namespace fp
