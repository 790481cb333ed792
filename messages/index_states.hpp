#pragma once

#include "messages/requests.hpp"

namespace fp {

/// Whether an index in this state answers searches.
constexpr bool serves_searches(index_state s) { return s == index_state::ready || s == index_state::read_only; }

}  // namespace fp
