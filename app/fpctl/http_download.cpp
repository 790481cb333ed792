#include "app/fpctl/http_download.hpp"

#include "app/fpctl/format.hpp"
#include "core/base/error.hpp"

namespace fp::ctl {

template <class F>
auto http_download::within_limit(F&& wait) {
  try {
    return wait(std::chrono::steady_clock::now() + limit_);
  } catch (const error& e) {
    if (e.code() != errc::request_timeout) throw;
    const auto waited = std::chrono::duration_cast<std::chrono::microseconds>(limit_);
    throw error(e.code(), address_ + ": nothing came for " + duration_text(waited));
  }
}

http_download::http_download(const http_url& url, const std::string& target, std::chrono::milliseconds limit)
    : address_(url.address()), limit_(limit) {
  within_limit([&](auto deadline) { connection_.connect(url, deadline); });
  http_question question;
  question.target = target;
  question.host = address_;
  question.user_agent = "fpctl";
  question.keep_alive = false;
  within_limit([&](auto deadline) { connection_.ask(question, deadline); });
}

size_t http_download::read(std::span<std::byte> out) {
  return within_limit([&](auto deadline) { return connection_.read(out, deadline); });
}

}  // namespace fp::ctl
