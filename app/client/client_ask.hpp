#pragma once

#include "app/client/client.hpp"

namespace fp {

namespace client_detail {

[[noreturn]] inline void raise(const caf::error& e) { throw error(code_of(e), text_of(e)); }

/// Waits for one answer.
template <class Reply, class Response>
Reply receive_from(Response& response) {
  caf::optional<Reply> answer;
  caf::error failure;
  response.receive([&](Reply& reply) { answer = std::move(reply); },
                   [&](caf::error& e) { failure = std::move(e); });
  if (!answer) raise(failure);
  return std::move(*answer);
}

}  // namespace client_detail

template <class Reply, class... Ts>
std::function<Reply()> client::ask_later(const Ts&... xs) {
  // The connection actor answers everything in time.
  return [response = self_->request(connection_, caf::infinite, xs...)]() mutable {
    return client_detail::receive_from<Reply>(response);
  };
}

template <class Reply, class... Ts>
Reply client::ask(const Ts&... xs) {
  return ask_later<Reply>(xs...)();
}

template <class Reply, class Request>
Reply client::read(const std::string& index, const Request& request) {
  if (auto answer = reader_.read<Reply>(index, request)) return std::move(*answer);
  return ask<Reply>(index, request);
}

}  // namespace fp
