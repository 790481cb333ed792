#include "app/api/sound_actor.hpp"

#include "actors/environment.hpp"
#include "messages/error.hpp"

namespace fp {

sound_handle::behavior_type sound_actor(pooled_actor<sound_handle::base>* self) {
  keep_exception_text(self);
  return {[](const sound_request_ptr& r) -> caf::result<sound_fingerprints> {
    const auto place = std::move(r->place);
    try {
      return fingerprint_sound(r->file, r->cancel.get());
    } catch (...) {
      return to_caf_error(std::current_exception());
    }
  }};
}

}  // namespace fp
