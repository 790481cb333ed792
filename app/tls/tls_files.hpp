#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fp {

/// Names of the PEM files by which a program shows who it is and knows who others are.
struct tls_files {
  std::string certificate;  ///< of the program, then those that lead from it to its authority
  std::string key;          ///< of the certificate, without a passphrase
  std::string ca;           ///< authorities, at least that of the certificate; empty: others are not asked
};

/// What messages call the three files.
struct tls_file_labels {
  std::string_view certificate = "tls_certificate", key = "tls_key", ca = "tls_ca";
};

/// What the certificate is shown for.
enum class tls_role { server, client };

/// What TLS files hold, read once and found right: whoever uses these texts is not surprised by files that change
/// meanwhile.
class tls_credentials {
 public:
  /// Reads and checks the files: each can be parsed, the key fits the certificate and is closed to other users,
  /// none of its certificates is too weak, expired or not yet valid, and with `ca` the certificate is one of that
  /// authority for the role. Throws one line that names label and file: `io_error` when a file cannot be read, else
  /// `invalid_configuration`.
  explicit tls_credentials(const tls_files& files, tls_role role = tls_role::server,
                           const tls_file_labels& labels = {});

  /// PEM texts.
  const std::string& certificate() const noexcept { return certificate_; }
  const std::string& key() const noexcept { return key_; }
  const std::string& ca() const noexcept { return ca_; }
  /// When the program's certificate expires, e.g. "Nov 25 08:18:00 2027 GMT".
  const std::string& expires() const noexcept { return expires_; }
  /// The same in seconds since 1970.
  int64_t expiry_time() const noexcept { return expiry_time_; }

 private:
  std::string certificate_, key_, ca_, expires_;
  int64_t expiry_time_ = 0;
};

}  // namespace fp
