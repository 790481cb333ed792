#pragma once

#include "app/client/client.hpp"
#include "app/client/client_error.hpp"

namespace fp {

template <class Reply, class... Ts>
std::function<Reply()> client::ask_later(const Ts&... xs) {
  // The connection actor answers everything in time.
  return [response = self_->request(connection_, caf::infinite, xs...)]() mutable {
    auto answer = client_detail::receive_answer<Reply>(response);
    if (!answer) client_detail::raise(answer.error());
    return std::move(*answer);
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
