#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <fstream>
#include <thread>

#include "app/http/http_server.hpp"
#include "app/http/tls_context.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

namespace asio = boost::asio;
namespace ssl = asio::ssl;

std::string text_of(BIO* memory) {
  char* text = nullptr;
  const auto size = BIO_get_mem_data(memory, &text);
  return {text, static_cast<size_t>(size)};
}

/// The credentials of a certificate that nobody else has signed, made now.
tls_credentials self_signed(const test::temporary_folder& folder) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  auto* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1,
                             0);
  X509_set_issuer_name(certificate.get(), name);
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_X509(memory.get(), certificate.get());
  tls_files files{folder / "certificate.pem", folder / "key.pem", {}};
  std::ofstream(files.certificate) << text_of(memory.get());
  BIO_reset(memory.get());
  PEM_write_bio_PrivateKey(memory.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  std::ofstream(files.key) << text_of(memory.get());
  ::chmod(files.key.c_str(), S_IRUSR | S_IWUSR);
  return tls_credentials(files);
}

/// What a client gets that sends a body and takes the answer over a connection of its own.
std::string post(uint16_t port, const std::string& body) {
  asio::io_context loop;
  ssl::context context(ssl::context::tls_client);
  ssl::stream<asio::ip::tcp::socket> stream(loop, context);
  stream.next_layer().connect({asio::ip::address_v4::loopback(), port});
  stream.handshake(ssl::stream_base::client);
  asio::write(stream, asio::buffer("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " +
                                   std::to_string(body.size()) + "\r\n\r\n" + body));
  std::string text;
  boost::system::error_code ec;
  asio::read(stream, asio::dynamic_buffer(text), ec);
  EXPECT_EQ(ec, asio::error::eof) << ec.message();
  return text.substr(text.find("\r\n\r\n") + 4);
}

TEST(http_server, serves_by_tls_while_its_certificate_is_replaced) {
  const test::temporary_folder folder;
  const auto credentials = self_signed(folder);
  const auto tls = std::make_shared<tls_server_context>(credentials);
  http_server server(
      {.threads = 2, .tls = tls},
      [](http_request request, http_responder respond) {
        http_response r;
        r.body = std::move(request.body);
        respond(std::move(r));
      },
      [](unsigned status, const http_request&) {
        http_response r;
        r.status = status;
        return r;
      });
  std::vector<std::thread> clients;
  for (char c = 'a'; c < 'e'; c++) {
    clients.emplace_back([&server, c] {
      for (size_t i = 1; i <= 5; i++) {
        const std::string body(i * 40'000, c);
        EXPECT_EQ(post(server.port(), body), body);
      }
    });
  }
  for (int i = 0; i < 20; i++) tls->replace(credentials);
  for (auto& client : clients) client.join();
}

}  // namespace
}  // namespace fp
