#include "tests/actors/support/untyped_request.hpp"

#include <utility>

namespace fp::test {

void request_untyped(caf::event_based_actor* client, const caf::strong_actor_ptr& to, caf::message content,
                     caf::behavior answered) {
  const auto id = client->new_request_id(caf::message_priority::normal);
  to->enqueue(caf::make_mailbox_element(client->ctrl(), id, {}, std::move(content)), client->context());
  client->add_multiplexed_response_handler(id.response_id(), std::move(answered));
}

}  // namespace fp::test
