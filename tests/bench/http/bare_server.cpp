// The reference of the HTTP load test: Boost.Beast's own request and response types, one event loop a thread, and a
// fixed reply. It does nothing with what it is asked: bare_server THREADS REPLY_FILE prints the port it listens on.

#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <thread>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

class connection : public std::enable_shared_from_this<connection> {
 public:
  connection(tcp::socket socket, const std::string& reply) : socket_(std::move(socket)), reply_(reply) {}

  void read() {
    request_ = {};
    http::async_read(socket_, buffer_, request_, [self = shared_from_this()](beast::error_code ec, size_t) {
      if (!ec) self->write();
    });
  }

 private:
  void write() {
    response_ = {http::status::ok, request_.version()};
    response_.set(http::field::content_type, "application/json");
    response_.keep_alive(request_.keep_alive());
    response_.body() = reply_;
    response_.prepare_payload();
    http::async_write(socket_, response_, [self = shared_from_this()](beast::error_code ec, size_t) {
      if (!ec && self->response_.keep_alive()) self->read();
    });
  }

  tcp::socket socket_;
  const std::string& reply_;
  beast::flat_buffer buffer_;
  http::request<http::string_body> request_;
  http::response<http::string_body> response_;
};

void accept(tcp::acceptor& acceptor, std::vector<std::unique_ptr<asio::io_context>>& loops, size_t next,
            const std::string& reply) {
  acceptor.async_accept(*loops[next], [&, next](beast::error_code ec, tcp::socket socket) {
    if (!ec) {
      socket.set_option(tcp::no_delay(true));
      auto fresh = std::make_shared<connection>(std::move(socket), reply);
      asio::post(*loops[next], [fresh] { fresh->read(); });
    }
    accept(acceptor, loops, (next + 1) % loops.size(), reply);
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const auto threads = static_cast<size_t>(std::atoi(argv[1]));
  std::ifstream file(argv[2], std::ios::binary);
  const std::string reply{std::istreambuf_iterator<char>(file), {}};
  if (threads == 0 || reply.empty()) return 2;
  std::vector<std::unique_ptr<asio::io_context>> loops;
  std::vector<asio::executor_work_guard<asio::io_context::executor_type>> guards;
  for (size_t i = 0; i < threads; i++) {
    loops.push_back(std::make_unique<asio::io_context>(1));
    guards.emplace_back(loops.back()->get_executor());
  }
  tcp::acceptor acceptor(*loops[0], {asio::ip::address_v4::loopback(), 0});
  accept(acceptor, loops, 0, reply);
  std::printf("%u\n", static_cast<unsigned>(acceptor.local_endpoint().port()));
  std::fflush(stdout);
  std::vector<std::thread> running;
  for (size_t i = 1; i < threads; i++) running.emplace_back([&loops, i] { loops[i]->run(); });
  loops[0]->run();
}
