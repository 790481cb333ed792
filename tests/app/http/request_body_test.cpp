#include "app/http/request_body.hpp"

#include <gtest/gtest.h>
#include <algorithm>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http.hpp>

namespace fp::http_detail {
namespace {

namespace http = boost::beast::http;

/// Parses what comes of a request.
struct arriving_request {
  arriving_request() {
    parser.body_limit(1u << 30);
    parser.eager(true);
  }
  void put(std::string_view bytes) {
    while (!bytes.empty()) {
      boost::system::error_code ec;
      bytes.remove_prefix(parser.put(boost::asio::buffer(bytes), ec));
      ASSERT_FALSE(ec) << ec.message();
    }
  }
  const std::string& body() const { return parser.get().body(); }
  http::request_parser<request_body> parser;
};

TEST(request_body, takes_no_memory_for_what_is_only_announced) {
  arriving_request request;
  request.put("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 52428800\r\n\r\n");
  EXPECT_LT(request.body().capacity(), 100u);
  request.put(std::string(1000, 'a'));
  EXPECT_EQ(request.body().size(), 1000u);
  EXPECT_LE(request.body().capacity(), 2000u);
}

TEST(request_body, grows_by_steps_and_not_beyond_what_is_announced) {
  constexpr size_t announced = 1'000'000;
  arriving_request request;
  request.put("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(announced) + "\r\n\r\n");
  std::string sent;
  size_t moves = 0;
  for (size_t piece = 1; sent.size() < announced; piece = piece * 3 % 7919) {
    const std::string bytes(std::min(piece, announced - sent.size()), static_cast<char>('a' + piece % 26));
    const auto before = request.body().capacity();
    request.put(bytes);
    sent += bytes;
    moves += request.body().capacity() != before;
    ASSERT_LE(request.body().capacity(), std::min(announced, std::max<size_t>(2 * sent.size(), 15)));
  }
  EXPECT_TRUE(request.parser.is_done());
  EXPECT_EQ(request.body(), sent);
  EXPECT_LT(moves, 30u);
}

TEST(request_body, takes_chunks) {
  arriving_request request;
  request.put("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  request.put("3\r\nabc\r\n14\r\n01234567890123456789\r\n0\r\n\r\n");
  EXPECT_TRUE(request.parser.is_done());
  EXPECT_EQ(request.body(), "abc01234567890123456789");
}

}  // namespace
}  // namespace fp::http_detail
