#include "core/search/search_limits.hpp"

#include <string>

#include "core/base/error.hpp"

namespace fp {

void require_allowed_probes(uint32_t probes) {
  if (probes <= max_probes) return;
  throw error(errc::bad_request,
              "probes: " + std::to_string(probes) + "; at most " + std::to_string(max_probes) + " are allowed");
}

}  // namespace fp
