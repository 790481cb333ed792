#include "app/changelog/http_base_source.hpp"

#include <utility>

#include "app/parallel/work_off.hpp"
#include "core/base/error.hpp"
#include "core/fpindex/message_pack.hpp"

namespace fp {

namespace {

// More than any status takes, which has three numbers.
constexpr size_t max_status_bytes = 4'096;

http_question question_of(const http_url& peer, const std::string& target, const char* accept,
                          const http_access_ptr& access) {
  http_question q;
  q.target = (peer.path.empty() ? "" : "/" + peer.path) + target;
  q.host = peer.address();
  q.accept = accept;
  if (access) q.authorization = access->authorization();
  q.keep_alive = false;
  return q;
}

class snapshot_stream final : public base_stream {
 public:
  snapshot_stream(const interruption& stop, const http_access_ptr& access) : connection_(stop, access) {}

  size_t read(std::span<std::byte> out, std::chrono::steady_clock::time_point deadline) override {
    return connection_.read(out, deadline);
  }
  http_connection& connection() noexcept { return connection_; }

 private:
  http_connection connection_;
};

}  // namespace

http_base_source::http_base_source(std::vector<std::string> peers, http_access_ptr access)
    : peers_(std::move(peers)), access_(std::move(access)) {
  for (const auto& url : peers_) parse_url(url);
}

std::vector<peer_report> http_base_source::probe(const std::string& index, time_point deadline) {
  std::vector<peer_report> reports(peers_.size());
  work_off(peers_.size(), peers_.size(),
           [&] { return [&](size_t i) { reports[i] = ask(peers_[i], index, deadline); }; });
  return reports;
}

peer_report http_base_source::ask(const std::string& url, const std::string& index, time_point deadline) const {
  peer_report report;
  report.url = url;
  try {
    const auto peer = parse_url(url);
    http_connection connection(stop_, access_);
    connection.connect(peer, deadline);
    connection.ask(question_of(peer, "/" + index + "/_status", "application/vnd.msgpack", access_), deadline);
    std::vector<std::byte> body(max_status_bytes);
    body.resize(connection.read_up_to(body, deadline));
    if (connection.status() != 200) {
      report.failure = "answers with status " + std::to_string(connection.status()) +
                       http_access::advice(access_.get(), connection.status());
      return report;
    }
    fpindex::message_pack_reader in(url + ": status of " + index, body);
    for (uint32_t left = in.map_header(); left > 0; left--) {
      switch (in.field()) {
        case 'g':
          report.generation = in.number();
          break;
        case 'v':
          report.version = in.number();
          break;
        case 'f':
          report.file_version = in.number();
          break;
        default:
          in.skip();
      }
    }
  } catch (const std::exception& e) {
    report.failure = e.what();
  }
  return report;
}

std::unique_ptr<base_stream> http_base_source::open(const std::string& url, const std::string& index,
                                                    time_point deadline) {
  const auto peer = parse_url(url);
  auto stream = std::make_unique<snapshot_stream>(stop_, access_);
  auto& connection = stream->connection();
  connection.connect(peer, deadline);
  connection.ask(question_of(peer, "/" + index + "/_snapshot", "application/vnd.fpnode.backup", access_), deadline);
  if (connection.status() != 200) {
    throw error(errc::unreachable, url + ": answers with status " + std::to_string(connection.status()) +
                                       http_access::advice(access_.get(), connection.status()));
  }
  if (connection.field("Content-Type") != "application/vnd.fpnode.backup") {
    throw error(errc::unsupported_format, url + ": has no backups of fpnode's kind");
  }
  return stream;
}

}  // namespace fp
