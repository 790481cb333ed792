#include "app/http/http_head.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>

#include "app/api/negotiation.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace {

using namespace fp;
namespace http = boost::beast::http;

struct outcome {
  unsigned refused = 0;  ///< the status that refuses the head; 0: none
  bool whole = false;    ///< the head has come to its end
  std::string target;
  friend bool operator==(const outcome&, const outcome&) = default;
};

/// Parses a head as a connection does whose bytes come `piece` at a time.
outcome parse(std::string_view bytes, size_t piece) {
  constexpr size_t max_header_bytes = 1u << 16;
  outcome out;
  http::request_parser<http::string_body> parser;
  parser.header_limit(max_header_bytes);
  for (size_t taken = 0, come = 0; come < bytes.size() && !parser.is_header_done();) {
    come = std::min(come + piece, bytes.size());
    boost::system::error_code ec;
    taken += parser.put(boost::asio::buffer(bytes.data() + taken, come - taken), ec);
    fuzz::require(taken <= come, "the parser has taken more than there is");
    if (ec && ec != http::error::need_more) {
      out.refused = http_detail::status_of(ec);
      return out;
    }
  }
  out.whole = parser.is_header_done();
  if (!out.whole) return out;
  const auto& head = parser.get();
  out.refused = http_detail::problem_with(head);
  out.target = http_detail::origin_form(head.target());
  http_request request;
  request.method = http_detail::method_of(head.method());
  if (const auto it = head.find(http::field::content_type); it != head.end()) {
    request.content_type = std::string(it->value());
  }
  request.accept = std::string(head[http::field::accept]);
  request_format(request);
  response_format(request);
  return out;
}

}  // namespace

/// The head of an HTTP request. In whatever pieces it comes, the same becomes of one that is whole; one without an
/// end may be refused sooner or later.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t max_input_bytes = 1u << 15;  // below the header's bound, which depends on how bytes arrive
  if (size > max_input_bytes) return 0;
  const std::string_view bytes = fuzz::text_of(data, size);
  const outcome at_once = parse(bytes, size + 1);
  // Byte by byte costs the square of the size.
  const size_t piece = 1 + size / 256;
  const outcome in_pieces = parse(bytes, piece);
  fuzz::require(in_pieces.whole == at_once.whole && (!at_once.whole || in_pieces == at_once),
                "another outcome in pieces");
  return 0;
}
