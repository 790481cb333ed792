#include "app/http/http_head.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>

namespace fp::http_detail {

namespace beast = boost::beast;
namespace http = beast::http;

namespace {

const char* reason_phrase(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 202:
      return "Accepted";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Payload Too Large";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    default:
      return "Unknown";
  }
}

bool is_host_value(std::string_view value) {
  return std::ranges::all_of(value, [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("-._~%!$&'()*+,;=:[]").find(char(c)) != std::string_view::npos;
  });
}

}  // namespace

unsigned status_of(const boost::system::error_code& ec) {
  if (ec == http::error::body_limit || ec == http::error::buffer_overflow) return 413;
  if (ec == http::error::header_limit) return 431;
  return 400;
}

http_method method_of(http::verb v) {
  switch (v) {
    case http::verb::get:
      return http_method::get;
    case http::verb::head:
      return http_method::head;
    case http::verb::put:
      return http_method::put;
    case http::verb::post:
      return http_method::post;
    case http::verb::delete_:
      return http_method::del;
    default:
      return http_method::other;
  }
}

// RFC 9112, 3.2.2.
std::string_view origin_form(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.size() < scheme.size() || !beast::iequals(target.substr(0, scheme.size()), scheme)) continue;
    const size_t path = target.find('/', scheme.size());
    return path == std::string_view::npos ? "/" : target.substr(path);
  }
  return target;
}

unsigned problem_with(const http::request_header<>& head) {
  const bool is_1_1 = head.version() >= 11;
  const auto hosts = head.count(http::field::host);
  if (hosts > 1 || (is_1_1 && hosts == 0) || !is_host_value(head[http::field::host])) return 400;
  // Which of two would count is for nobody to guess.
  if (head.count(http::field::authorization) > 1) return 400;
  if (head.count(http::field::transfer_encoding) > 0) {
    if (!is_1_1) return 400;
    if (head.count(http::field::transfer_encoding) > 1 ||
        !beast::iequals(head[http::field::transfer_encoding], "chunked")) {
      return 501;
    }
  }
  if (head.method() == http::verb::unknown) return 501;
  if (is_1_1 && head.count(http::field::expect) > 0 && !beast::iequals(head[http::field::expect], "100-continue")) {
    return 417;
  }
  return 0;
}

void append_response(std::string& out, const http_response& r, const response_framing& framing,
                     std::string_view date) {
  out += "HTTP/1.1 ";
  append_number(out, r.status);
  out += ' ';
  out += reason_phrase(r.status);
  out += "\r\n";
  out += date;
  if (!r.content_type.empty()) (out += "Content-Type: ").append(r.content_type) += "\r\n";
  if (r.retry_after_s > 0) {
    out += "Retry-After: ";
    append_number(out, r.retry_after_s);
    out += "\r\n";
  }
  for (const auto& [name, value] : r.fields) (((out += name) += ": ") += value) += "\r\n";
  if (r.stream) {
    if (framing.is_1_1) out += "Transfer-Encoding: chunked\r\n";
  } else if (!framing.head && r.status != 304) {
    out += "Content-Length: ";
    append_number(out, r.body.size());
    out += "\r\n";
  }
  if (!framing.keep_alive) {
    out += "Connection: close\r\n";
  } else if (!framing.is_1_1) {
    out += "Connection: keep-alive\r\n";
  }
  out += "\r\n";
  if (!r.stream && !framing.head) out += r.body;
}

std::string date_field(std::time_t second) {
  std::tm parts{};
  gmtime_r(&second, &parts);
  char text[64];
  return {text, std::strftime(text, sizeof text, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts)};
}

void append_number(std::string& out, uint64_t n, int base) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, n, base).ptr);
}

}  // namespace fp::http_detail
