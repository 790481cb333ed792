#pragma once

#include <vector>

#include "messages/requests.hpp"

namespace fp {

/// A node and all of its indexes at one moment.
struct node_overview {
  struct index {
    index_status status;    ///< when `answered` is false, no more than what the node itself knows
    bool answered = false;  ///< whether the index told its status in time
  };
  node_status node;
  bool has_names = false;      ///< whether the node has a library of recordings
  bool takes_sound = false;    ///< whether it fingerprints what clients send
  std::vector<index> indexes;  ///< by name
};

}  // namespace fp
