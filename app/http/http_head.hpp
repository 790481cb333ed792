#pragma once

#include <boost/beast/http.hpp>
#include <string>
#include <string_view>

#include "app/http/http_types.hpp"

// The heads of HTTP messages: what is allowed in a request's, and how a response's is written (RFC 9112).

namespace fp::http_detail {

/// The status that answers a request which the parser refused.
unsigned status_of(const boost::system::error_code& ec);

http_method method_of(boost::beast::http::verb v);

/// The target without scheme and authority: a server accepts the absolute form, too.
std::string_view origin_form(std::string_view target);

/// The status that refuses a request with this head; 0 when nothing is wrong with it.
unsigned problem_with(const boost::beast::http::request_header<>& head);

/// How a response is put on its connection.
struct response_framing {
  bool head = false;  ///< the answer to a HEAD: no body
  bool keep_alive = true;
  bool is_1_1 = true;  ///< the client knows chunks and stays connected by itself
};

/// Appends all of a response but a streamed body. `date` is a whole Date field with its line end.
void append_response(std::string& out, const http_response& response, const response_framing& framing,
                     std::string_view date);

/// The Date field of a second, with its line end.
std::string date_field(std::time_t second);

void append_number(std::string& out, uint64_t n, int base = 10);

}  // namespace fp::http_detail
