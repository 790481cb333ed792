#include "tests/bench/node/http_feeder.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <stdexcept>
#include <system_error>

#include "tests/bench/node/feeding.hpp"

namespace fp::bench {

namespace {

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

void add_number(std::string& out, uint64_t value) {
  char text[20];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

void add_big_endian(std::string& out, uint32_t value, size_t bytes) {
  while (bytes-- > 0) out.push_back(static_cast<char>(value >> (8 * bytes)));
}

void add_json(std::string& out, document_id id, const std::vector<hash_value>& hashes) {
  out += "{\"insert\":{\"id\":";
  add_number(out, id);
  out += ",\"hashes\":[";
  for (const hash_value h : hashes) {
    add_number(out, h);
    out.push_back(',');
  }
  out.back() = ']';
  out += "}},";
}

/// {"i": {"i": id, "h": hashes}}: fixed maps and names, 32-bit numbers, an array with a 16-bit length.
void add_msgpack(std::string& out, document_id id, const std::vector<hash_value>& hashes) {
  out += "\x81\xa1i\x82\xa1i\xce";
  add_big_endian(out, id, 4);
  out += "\xa1h\xdc";
  add_big_endian(out, static_cast<uint32_t>(hashes.size()), 2);
  for (const hash_value h : hashes) {
    out.push_back('\xce');
    add_big_endian(out, h, 4);
  }
}

}  // namespace

http_feeder::http_feeder(uint16_t port, body_format format)
    : socket_(socket(AF_INET, SOCK_STREAM, 0)), format_(format) {
  if (socket_ < 0) fail("socket");
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(port);
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket_, reinterpret_cast<sockaddr*>(&where), sizeof where) != 0) fail("connect");
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

http_feeder::~http_feeder() { close(socket_); }

void http_feeder::insert(uniform_documents& documents, document_id first_id, uint64_t count) {
  body_.clear();
  if (format_ == body_format::json) {
    body_ += "{\"changes\":[";
    for (uint64_t i = 0; i < count; i++) add_json(body_, first_id + static_cast<document_id>(i), documents.next());
    body_.back() = ']';
    body_ += "}";
  } else {
    body_ +=
        "\x81\xa1"
        "c\xdc";
    add_big_endian(body_, static_cast<uint32_t>(count), 2);
    for (uint64_t i = 0; i < count; i++)
      add_msgpack(body_, first_id + static_cast<document_id>(i), documents.next());
  }
  request_ = "POST /" + index_name + "/_update HTTP/1.1\r\nHost: localhost\r\nContent-Type: " +
             (format_ == body_format::json ? "application/json" : "application/vnd.msgpack") +
             "\r\nContent-Length: " + std::to_string(body_.size()) + "\r\n\r\n";
  request_ += body_;
  for (size_t sent = 0; sent < request_.size();) {
    const auto n = send(socket_, request_.data() + sent, request_.size() - sent, MSG_NOSIGNAL);
    if (n < 0) fail("send");
    sent += static_cast<size_t>(n);
  }
  read_answer();
}

void http_feeder::read_answer() {
  std::string answer;
  char piece[4096];
  for (;;) {
    const auto n = recv(socket_, piece, sizeof piece, 0);
    if (n < 0) fail("recv");
    if (n == 0) throw std::runtime_error("the node closed a connection: " + answer);
    answer.append(piece, static_cast<size_t>(n));
    const auto head = answer.find("\r\n\r\n");
    if (head == std::string::npos) continue;
    const auto field = answer.find("Content-Length: ");
    const size_t length = field < head ? std::stoul(answer.substr(field + 16)) : 0;
    if (answer.size() < head + 4 + length) continue;
    if (!answer.starts_with("HTTP/1.1 200")) throw std::runtime_error("the node refused an update: " + answer);
    return;
  }
}

}  // namespace fp::bench
