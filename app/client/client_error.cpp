#include "app/client/client_error.hpp"

#include "messages/error.hpp"

namespace fp {

caf::error no_answer(const client_options& node, std::chrono::milliseconds timeout) {
  return make_error(errc::request_timeout,
                    node.address() + ": no answer within " + std::to_string(timeout.count()) + " ms");
}

caf::error with_address(const client_options& node, const caf::error& e) {
  if (e.category() == error_category) return e;
  return make_error(code_of(e), node.address() + ": " + text_of(e));
}

void client_detail::raise(const caf::error& e) { throw to_core_error(e); }

}  // namespace fp
