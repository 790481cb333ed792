#pragma once

#include <cstdint>

#include "app/fpctl/command.hpp"

namespace fp::ctl {

exit_code create_index(command_context& c, const create_index_request& request);

/// Creates an index that lies in so many slices on the members of the node's cluster, or goes on with one.
exit_code create_in_slices(command_context& c, const create_index_request& request, uint32_t count);

}  // namespace fp::ctl
