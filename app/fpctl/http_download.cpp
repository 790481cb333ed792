#include "app/fpctl/http_download.hpp"

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cctype>

#include "app/fpctl/format.hpp"
#include "core/base/error.hpp"

namespace fp::ctl {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;

constexpr std::string_view scheme = "http://";
constexpr uint32_t max_head_bytes = 64u << 10;

}  // namespace

bool is_url(const std::string& text) { return text.find("://") != std::string::npos; }

http_url parse_url(const std::string& text) {
  const auto refuse = [&](const char* why) {
    throw error(errc::bad_request, text + ": " + why + "; expected http://HOST[:PORT][/INDEX]");
  };
  if (!text.starts_with(scheme)) refuse("only plain HTTP is spoken");
  std::string rest = text.substr(scheme.size());
  http_url url;
  if (const auto slash = rest.find('/'); slash != std::string::npos) {
    url.path = rest.substr(slash + 1);
    rest.resize(slash);
  }
  while (url.path.ends_with('/')) url.path.pop_back();
  const auto bracket = rest.rfind(']');
  const auto colon = rest.rfind(':');
  if (colon != std::string::npos && (bracket == std::string::npos || colon > bracket)) {
    url.port = rest.substr(colon + 1);
    rest.resize(colon);
    const bool is_number =
        !url.port.empty() && url.port.size() <= 5 &&
        std::all_of(url.port.begin(), url.port.end(), [](unsigned char c) { return std::isdigit(c); });
    if (!is_number) refuse("the port is no number");
  }
  if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
  if (rest.empty()) refuse("there is no host");
  url.host = std::move(rest);
  return url;
}

struct http_download::state {
  state(const http_url& url, std::chrono::milliseconds wait)
      : address(url.address()), limit(wait), resolver(loop), stream(loop) {
    parser.header_limit(max_head_bytes);
    parser.body_limit(boost::none);
  }

  /// Runs what has been begun to its end.
  void finish(const char* doing) {
    loop.restart();
    loop.run();
    if (!failure || failure == http::error::need_buffer) return;
    if (failure == beast::error::timeout || failure == asio::error::operation_aborted) {
      throw error(errc::request_timeout,
                  address + ": " + doing + ": nothing came for " +
                      duration_text(std::chrono::duration_cast<std::chrono::microseconds>(limit)));
    }
    if (failure == http::error::partial_message || failure == http::error::end_of_stream) {
      throw error(errc::corrupt_data, address + ": the answer ends early");
    }
    const bool is_http = failure.category() == http::make_error_code(http::error::bad_version).category();
    throw error(is_http ? errc::corrupt_data : errc::io_error, address + ": " + doing + ": " + failure.message());
  }

  auto handler() {
    return [this](const boost::system::error_code& ec, const auto&...) { failure = ec; };
  }

  std::string address;
  std::chrono::milliseconds limit;
  asio::io_context loop;
  tcp::resolver resolver;
  beast::tcp_stream stream;
  beast::flat_buffer buffer;
  http::response_parser<http::buffer_body> parser;
  boost::system::error_code failure;
};

http_download::http_download(const http_url& url, const std::string& target, std::chrono::milliseconds limit)
    : state_(std::make_unique<state>(url, limit)) {
  auto& s = *state_;
  const auto found = s.resolver.resolve(url.host, url.port, s.failure);
  s.finish("finding the host");
  s.stream.expires_after(limit);
  s.stream.async_connect(found, s.handler());
  s.finish("connecting");
  http::request<http::empty_body> request(http::verb::get, target, 11);
  request.set(http::field::host, url.address());
  request.set(http::field::user_agent, "fpctl");
  request.set(http::field::connection, "close");
  s.stream.expires_after(limit);
  http::async_write(s.stream, request, s.handler());
  s.finish("asking");
  s.stream.expires_after(limit);
  http::async_read_header(s.stream, s.buffer, s.parser, s.handler());
  s.finish("waiting for the answer");
}

http_download::~http_download() = default;

unsigned http_download::status() const noexcept { return state_->parser.get().result_int(); }

size_t http_download::read(std::span<std::byte> out) {
  auto& s = *state_;
  auto& body = s.parser.get().body();
  body.data = out.data();
  body.size = out.size();
  body.more = true;
  while (body.size == out.size() && !s.parser.is_done()) {
    s.stream.expires_after(s.limit);
    http::async_read_some(s.stream, s.buffer, s.parser, s.handler());
    s.finish("waiting for more");
  }
  return out.size() - body.size;
}

}  // namespace fp::ctl
