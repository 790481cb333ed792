#pragma once

#include "core/metrics/metric_source.hpp"

namespace fp {

/// Memory, processor time and file descriptors of this process, read from /proc, by the names that Prometheus'
/// client libraries use. What cannot be read is left out.
class process_metrics final : public metric_source {
 public:
  void write_to(family_list& out) const override;
};

}  // namespace fp
