#include "app/changelog/http_access.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <algorithm>

#include "core/base/error.hpp"
#include "core/base/printable.hpp"
#include "core/fs/file_system.hpp"

namespace fp {

namespace {

constexpr size_t max_token_bytes = 4'096;

[[noreturn]] void refuse(const std::string& label, const std::string& file, const std::string& why) {
  throw error(errc::invalid_configuration, label + ": " + printable(file, 4096) + ": " + why);
}

std::string read_token(const std::string& label, const std::string& file) {
  std::string text;
  try {
    text = read_file(posix_file_system(), file, max_token_bytes);
  } catch (const error& e) {
    throw error(e.code() == errc::io_error ? errc::io_error : errc::invalid_configuration, label + ": " + e.what());
  }
  struct stat status {};
  if (::stat(file.c_str(), &status) == 0 && (status.st_mode & S_IRWXO) != 0) {
    refuse(label, file, "other users may read the token; chmod o= closes it");
  }
  const auto is_blank = [](unsigned char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && is_blank(text.back())) text.pop_back();
  text.erase(text.begin(), std::ranges::find_if_not(text, is_blank));
  if (text.empty()) refuse(label, file, "no token is in there");
  if (!std::ranges::all_of(text, [](unsigned char c) { return c > 0x20 && c < 0x7f; })) {
    refuse(label, file, "more than one token is in there, or something else");
  }
  return text;
}

}  // namespace

void http_access::freed::operator()(ssl_ctx_st* context) const noexcept { SSL_CTX_free(context); }

http_access::http_access(const std::string& ca, const std::string& token, const std::string& ca_label,
                         const std::string& token_label)
    : ca_label_(ca_label), token_label_(token_label), context_(SSL_CTX_new(TLS_client_method())) {
  if (!context_) throw error(errc::internal_error, "OpenSSL makes no context");
  SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context_.get(), SSL_MODE_RELEASE_BUFFERS);
  ERR_clear_error();
  if (ca.empty()) {
    SSL_CTX_set_default_verify_paths(context_.get());
  } else {
    // A file that cannot be opened has a reason of its own.
    try {
      posix_file_system().open(ca);
    } catch (const error& e) {
      throw error(e.code(), ca_label_ + ": " + e.what());
    }
    if (SSL_CTX_load_verify_file(context_.get(), ca.c_str()) != 1) {
      ERR_clear_error();
      refuse(ca_label_, ca, "no certificate in PEM is in there");
    }
  }
  if (!token.empty()) authorization_ = "Bearer " + read_token(token_label_, token);
}

http_access::~http_access() = default;

std::string http_access::advice(const http_access* shown, unsigned http_status) {
  const bool has_token = shown != nullptr && !shown->authorization().empty();
  const std::string label = shown != nullptr ? shown->token_label() : "changelog_token_file";
  if (http_status == 401 && has_token) return " (it does not know the token of " + label + ")";
  if (http_status == 401) return " (it wants a token: put one into a file, and name that by " + label + ")";
  if (http_status == 403 && has_token) return " (the token of " + label + " may not do that)";
  return "";
}

}  // namespace fp
