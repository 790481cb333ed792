#include "app/changelog/http_base_source.hpp"

#include <utility>

#include "app/parallel/work_off.hpp"
#include "core/base/checksum.hpp"
#include "core/base/error.hpp"
#include "core/base/printable.hpp"
#include "core/fpindex/message_pack.hpp"

namespace fp {

namespace {

// More than any status takes, which has three numbers.
constexpr size_t max_status_bytes = 4'096;

// Of an answer that is no backup, as much as is fit for a message.
constexpr size_t max_refusal_bytes = 300;

constexpr const char* backup_type = "application/vnd.fpnode.backup";
constexpr const char* rest_type = "application/vnd.fpnode.backup-rest";

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
  base_format format() const noexcept override { return format_; }
  std::optional<slice> part() const override { return part_; }
  void set_format(base_format format) noexcept { format_ = format; }
  void set_part(const slice& part) noexcept { part_ = part; }
  http_connection& connection() noexcept { return connection_; }

 private:
  base_format format_ = base_format::backup;
  slice part_;
  http_connection connection_;
};

}  // namespace

http_base_source::http_base_source(std::vector<std::string> peers, uint64_t instance, http_access_ptr access)
    : peers_(std::move(peers)), instance_(instance), access_(std::move(access)) {
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

std::unique_ptr<base_stream> http_base_source::open(const wanted_base& wanted, std::span<const uint64_t> held,
                                                    time_point deadline) {
  const auto& url = wanted.url;
  const auto peer = parse_url(url);
  auto stream = std::make_unique<snapshot_stream>(stop_, access_);
  auto& connection = stream->connection();
  connection.connect(peer, deadline);
  std::string target = "/" + wanted.index + "/_snapshot?base_for=" + to_hex16(instance_);
  if (!wanted.part.is_whole()) target += "&slice=" + wanted.part.text();
  for (size_t i = 0; i < held.size(); i++) target += (i == 0 ? "&held=" : ",") + to_hex16(held[i]);
  connection.ask(question_of(peer, target, backup_type, access_), deadline);
  if (connection.status() != 200) {
    std::vector<std::byte> text(max_refusal_bytes);
    text.resize(connection.read_up_to(text, deadline));
    throw error(errc::unreachable,
                url + ": answers with status " + std::to_string(connection.status()) + ": " +
                    printable(std::string_view(reinterpret_cast<const char*>(text.data()), text.size())) +
                    http_access::advice(access_.get(), connection.status()));
  }
  const auto type = connection.field("Content-Type");
  if (type == rest_type) {
    stream->set_format(base_format::rest_of_backup);
  } else if (type != backup_type) {
    stream->set_format(base_format::fpindex);
  }
  // Who does not say, as an fpindex, holds all of it.
  const auto part = connection.field("Fpnode-Slice");
  stream->set_part(part.empty() ? slice() : slice::parse(part));
  return stream;
}

}  // namespace fp
