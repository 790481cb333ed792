#pragma once

#include <string>

#include "core/base/cancel.hpp"
#include "core/segment/segment.hpp"

namespace fp {

/// Decodes every posting of a segment and checks what opening does not: ascending order without duplicates, the
/// announced number, and that each is of a document which the segment holds and does not delete. `name` starts
/// error messages. Throws `corrupt_data`, `io_error` when a page cannot be read, or `cancelled`.
void check_postings(const segment& s, const std::string& name, const cancel_flag* cancel = nullptr);

}  // namespace fp
