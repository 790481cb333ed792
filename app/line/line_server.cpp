#include "app/line/line_server.hpp"

#include <algorithm>

#include "app/line/line_connection.hpp"

namespace fp {

using namespace line_detail;

namespace {

tcp_server_options tcp_options(const line_server_options& o) {
  return {.host = o.host, .port = o.port, .max_connections = o.max_connections, .stop_timeout = o.stop_timeout};
}

}  // namespace

class line_server::impl {
 public:
  explicit impl(const std::shared_ptr<const server_state>& shared)
      : workers_(make_workers<worker>(std::max(1u, shared->options.threads), shared)),
        server_(
            tcp_options(shared->options), {workers_.begin(), workers_.end()},
            [workers = workers_](uint32_t number, tcp::socket socket) {
              return std::make_shared<connection>(workers[number], std::move(socket));
            },
            [] { return std::string("ERR too many connections\r\n"); }) {}

  tcp_server& server() { return server_; }

 private:
  std::vector<std::shared_ptr<worker>> workers_;
  tcp_server server_;
};

line_server::line_server(line_server_options options, line_handler handler)
    : impl_(std::make_unique<impl>(std::make_shared<const server_state>(std::move(options), std::move(handler)))) {}
line_server::~line_server() = default;
uint16_t line_server::port() const { return impl_->server().port(); }
std::shared_ptr<const std::atomic<uint32_t>> line_server::num_connections() const {
  return impl_->server().num_connections();
}
void line_server::stop() { impl_->server().stop(); }

}  // namespace fp
