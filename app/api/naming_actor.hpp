#pragma once

#include <spdlog/logger.h>

#include <memory>
#include <string>
#include <vector>

#include "actors/worker_pool.hpp"
#include "app/api/recording_namer.hpp"
#include "messages/requests.hpp"

namespace fp {

/// What a search found, to be named.
struct naming_request {
  std::string index;
  uint64_t generation = 0;
  std::shared_ptr<const search_request> wish;
  result_list found;
};

using naming_handle = caf::typed_actor<caf::replies_to<naming_request>::with<named_results>>;

/// Names recordings for the gateways of its process. Pooled, because it reads files. While the library cannot be
/// read documents have no names, which is logged when it begins.
naming_handle::behavior_type naming_actor(pooled_actor<naming_handle::base>* self, std::string library_file,
                                          std::shared_ptr<spdlog::logger> log);

}  // namespace fp

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::naming_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::named_results)
