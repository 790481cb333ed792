#pragma once

#include <caf/error.hpp>

#include "messages/requests.hpp"

namespace fp {

// What is wrong with what clients ask, before anybody searches; none: nothing is.

/// `bad_request` or `payload_too_large`.
caf::error check_search(const search_request& request);
/// A gateway's searches may be empty, and find nothing; all others are mistakes: `empty_fingerprint`.
caf::error check_not_empty(const search_request& request);
/// Of the batch, or of its first search that has something wrong.
caf::error check_batch(const search_batch_request& request);

}  // namespace fp
