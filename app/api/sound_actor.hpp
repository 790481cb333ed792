#pragma once

#include <memory>
#include <string>

#include "actors/worker_pool.hpp"
#include "app/api/sound_fingerprints.hpp"
#include "core/base/cancel.hpp"

namespace fp {

/// Files of sound that are fingerprinted or wait for it, at most.
inline constexpr size_t max_sounds = 4;

/// A file of sound that a client has sent.
struct sound_request {
  std::string file;
  std::shared_ptr<const cancel_flag> cancel;  ///< raised when nobody waits for the answer any more
  std::shared_ptr<void> place;                ///< one of `max_sounds`, held as long as the request
};
using sound_request_ptr = std::shared_ptr<sound_request>;

using sound_handle = caf::typed_actor<caf::replies_to<sound_request_ptr>::with<sound_fingerprints>>;

/// Fingerprints what clients send, one after the other. Pooled, on a thread of its own: it waits for a child
/// process, which nothing else shall wait for.
sound_handle::behavior_type sound_actor(pooled_actor<sound_handle::base>* self);

}  // namespace fp

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::sound_request_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::sound_fingerprints)
