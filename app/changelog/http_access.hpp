#pragma once

#include <memory>
#include <string>

struct ssl_ctx_st;

namespace fp {

/// By what servers are known, and what they are shown of whoever asks. Safe for use from many threads.
class http_access {
 public:
  /// `ca`: file with the authorities whose certificates are taken, PEM; empty: those of the system. `token`: file
  /// with the bearer token that is shown, which nobody but its owner may read; empty: none is. `ca_label` and
  /// `token_label` are what messages call them. Throws `invalid_configuration` or `io_error`.
  http_access(const std::string& ca, const std::string& token, const std::string& ca_label = "changelog_ca",
              const std::string& token_label = "changelog_token_file");
  ~http_access();
  http_access(const http_access&) = delete;
  http_access& operator=(const http_access&) = delete;

  /// What an operator does about an answer that asks for other credentials; empty for any other answer. Null: none
  /// were shown.
  static std::string advice(const http_access* shown, unsigned http_status);

  ssl_ctx_st* context() const noexcept { return context_.get(); }
  /// The value of an Authorization field; empty: there is none.
  const std::string& authorization() const noexcept { return authorization_; }
  const std::string& ca_label() const noexcept { return ca_label_; }
  const std::string& token_label() const noexcept { return token_label_; }

 private:
  struct freed {
    void operator()(ssl_ctx_st* context) const noexcept;
  };

  std::string ca_label_, token_label_, authorization_;
  std::unique_ptr<ssl_ctx_st, freed> context_;
};

using http_access_ptr = std::shared_ptr<const http_access>;

}  // namespace fp
