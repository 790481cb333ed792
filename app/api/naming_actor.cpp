#include "app/api/naming_actor.hpp"

#include "actors/environment.hpp"
#include "messages/error.hpp"

namespace fp {

naming_handle::behavior_type naming_actor(pooled_actor<naming_handle::base>* self, std::string library_file,
                                          std::shared_ptr<spdlog::logger> log) {
  keep_exception_text(self);
  const recording_namer namer(std::move(library_file));
  auto trouble = std::make_shared<std::string>();  // that was logged last
  return {[=](const naming_request& r) {
    const auto found = r.found.to_vector();
    try {
      auto named = namer.name(r.index, r.generation, r.wish->query.to_vector(), found);
      trouble->clear();
      return named;
    } catch (const error& e) {
      if (log && *trouble != e.what()) log->error("no names of recordings: {}", e.what());
      *trouble = e.what();
    }
    return without_names(found);
  }};
}

}  // namespace fp
