#pragma once

#include <caf/error.hpp>
#include <chrono>

#include "app/client/client_options.hpp"

namespace fp {

/// A request that was not answered in time.
caf::error no_answer(const client_options& node, std::chrono::milliseconds timeout);

/// Did the actor that was asked end, or the connection to it?
bool is_receiver_gone(const caf::error& e);

/// An error of fpnode as it is; one of CAF's with the code that it amounts to, and the node's address.
caf::error with_address(const client_options& node, const caf::error& e);

}  // namespace fp
