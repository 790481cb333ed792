#pragma once

#include <caf/all.hpp>

#include "messages/error.hpp"
#include "messages/slices.hpp"

namespace fp {

inline slice_reply refused_question(uint64_t call, const caf::error& why) {
  const auto e = to_core_error(why);
  return {call, {}, e.code(), e.what()};
}

/// Answers questions that just came from another actor by a reason why none of them is looked at.
template <class Self>
void refuse_questions(Self* self, const slice_questions& asked, const caf::error& why) {
  if (!self->current_sender()) return;
  slice_replies out;
  for (const auto& question : asked.questions) out.replies.push_back(refused_question(question.call, why));
  self->send(caf::actor_cast<slice_asker>(self->current_sender()), std::move(out));
}

}  // namespace fp
