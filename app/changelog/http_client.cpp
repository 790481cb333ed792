#include "app/changelog/http_client.hpp"

#include <algorithm>
#include <utility>

#include "core/base/error.hpp"
#include "core/base/printable.hpp"

namespace fp {

namespace {

constexpr size_t max_text = 300;

std::string url_text(const http_url& at, const std::string& target) { return at.origin() + target; }

bool is_redirect(unsigned status) noexcept {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool is_printable_target(const std::string& target) noexcept {
  return std::all_of(target.begin(), target.end(), [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

void http_client::refuse(const std::string& why) const {
  throw error(errc::io_error, server_.address() + ": " + why);
}

void http_client::ask_once(const http_url& at, const http_question& question, time_point deadline) {
  // Over a connection that may just have been ended nobody could tell what became of a write.
  const bool is_kept = question.method == "GET" && connected_to_ == at.origin() && connection_.can_ask();
  for (const bool is_new : {false, true}) {
    if (is_new) {
      connected_to_.clear();
      connection_.connect(at, deadline);
      connected_to_ = at.origin();
    } else if (!is_kept) {
      continue;
    }
    may_be_done_ = false;
    try {
      connection_.ask(question, deadline);
      return;
    } catch (const error& e) {
      may_be_done_ = connection_.was_sent();
      // A server may end a connection that it kept just when something is asked.
      const bool has_ended = e.code() == errc::io_error || e.code() == errc::corrupt_data;
      if (is_new || !has_ended || connection_.is_answered()) throw;
    }
  }
}

unsigned http_client::begin(const std::string& method, const std::string& target, std::span<const std::byte> body,
                            time_point deadline) {
  http_url at = server_;
  http_question question;
  question.method = method;
  question.target = (server_.path.empty() ? "" : "/" + server_.path) + target;
  question.body = body;
  std::vector<std::string> visited;
  for (;;) {
    question.host = at.address();
    const bool is_ours = at.origin() == server_.origin();
    question.authorization = access_ && is_ours ? access_->authorization() : "";
    may_be_done_ = false;
    ask_once(at, question, deadline);
    const unsigned status = connection_.status();
    if (!is_redirect(status)) {
      may_be_done_ = true;
      return status;
    }
    const std::string here = url_text(at, question.target);
    visited.push_back(here);
    const std::string location = connection_.field("Location");
    connection_.close();
    if (method != "GET" && status < 307) {
      refuse(method + " " + here + " was answered with a redirect (" + std::to_string(status) +
             "), which would make it a GET");
    }
    if (location.empty() || !is_printable_target(location)) {
      refuse(here + " was redirected (" + std::to_string(status) + ") to no URL: " + fp::quoted(location));
    }
    if (location.starts_with('/') && !location.starts_with("//")) {
      question.target = location;
    } else {
      const bool is_secure = location.starts_with("https://");
      if (!is_secure && !location.starts_with("http://")) {
        refuse(here + " was redirected to " + location + ", which is not spoken");
      }
      if (at.tls && !is_secure) refuse(here + " was redirected to " + location + ", which is not by TLS");
      const auto slash = location.find('/', location.find("//") + 2);
      at = parse_url(location.substr(0, slash));
      question.target = slash == std::string::npos ? "/" : location.substr(slash);
    }
    const std::string there = url_text(at, question.target);
    if (std::find(visited.begin(), visited.end(), there) != visited.end()) {
      refuse("redirects in a circle: " + visited.front() + " ... " + here + " leads to " + there + " again");
    }
    if (visited.size() > max_redirects) {
      refuse("more than " + std::to_string(max_redirects) + " redirects, from " + visited.front() + " to " + there);
    }
  }
}

std::string http_client::read_text(time_point deadline) {
  std::vector<std::byte> text(max_text);
  const size_t size = connection_.read_up_to(text, deadline);
  return {reinterpret_cast<const char*>(text.data()), size};
}

http_client::answer http_client::ask(const std::string& method, const std::string& target,
                                     std::span<const std::byte> body, size_t max_body_bytes, time_point deadline) {
  answer result;
  result.status = begin(method, target, body, deadline);
  if (result.status != 200) {
    const std::string text = read_text(deadline);
    const auto bytes = std::as_bytes(std::span(text));
    result.body.assign(bytes.begin(), bytes.end());
    return result;
  }
  size_t size = 0;
  for (;;) {
    if (result.body.size() - size < (size_t{16} << 10)) {
      result.body.resize(std::max<size_t>(size_t{64} << 10, result.body.size() * 2));
    }
    const size_t count = connection_.read(std::span(result.body).subspan(size), deadline);
    size += count;
    if (count == 0) break;
    if (size > max_body_bytes) {
      connection_.close();
      throw error(errc::payload_too_large, server_.address() + ": " + method + " " + target +
                                               ": an answer of more than " + std::to_string(max_body_bytes) +
                                               " bytes");
    }
  }
  result.body.resize(size);
  return result;
}

}  // namespace fp
