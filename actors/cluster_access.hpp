#pragma once

#include <string>
#include <vector>

#include "messages/internal.hpp"

namespace fp {

/// The other members of the cluster, for the actors that ask them.
struct cluster_access {
  struct member {
    std::string address;  ///< host:port
    member_handle handle;
  };
  std::vector<member> members;

  explicit operator bool() const noexcept { return !members.empty(); }
};

}  // namespace fp
