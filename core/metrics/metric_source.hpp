#pragma once

namespace fp {

class family_list;

/// What is measured besides indexes.
class metric_source {
 public:
  virtual ~metric_source() = default;
  /// From whichever thread reads the metrics.
  virtual void write_to(family_list& out) const = 0;
};

}  // namespace fp
