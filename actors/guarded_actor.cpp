#include "actors/guarded_actor.hpp"

#include "messages/error.hpp"

namespace fp {

caf::mailbox_element_ptr admitted(caf::mailbox_element_ptr element, const caf::node_id& here) {
  const auto& content = element->content();
  const auto& sender = element->sender;
  if (content.match_elements<caf::down_msg>()) {
    const auto& source = content.get_as<caf::down_msg>(0).source;
    // Who ended because nobody held it any more cannot be named as the sender.
    const bool forgotten = !sender && source && !caf::actor_cast<caf::strong_actor_ptr>(source);
    if (!forgotten && (!sender || source != sender)) return nullptr;
  } else if (content.match_elements<caf::exit_msg>()) {
    const auto& exit = content.get_as<caf::exit_msg>(0);
    if (!sender || sender->node() != here || exit.source != sender) return nullptr;
    if (exit.reason == caf::exit_reason::kill && sender->get()->getf(caf::abstract_actor::is_terminated_flag)) {
      return caf::make_mailbox_element(
          sender, element->mid, caf::no_stages,
          caf::exit_msg{exit.source, make_error(errc::internal_error, "a linked actor was killed")});
    }
  }
  return element;
}

}  // namespace fp
