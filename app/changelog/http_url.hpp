#pragma once

#include <string>

namespace fp {

/// Where an HTTP server answers: `http://HOST[:PORT][/PATH]`, or `https://` for one with TLS.
struct http_url {
  bool tls = false;
  std::string host;
  std::string port = "80";
  std::string path;  ///< without slashes around it; may be empty

  std::string address() const { return host + ":" + port; }
  /// With the scheme.
  std::string origin() const { return (tls ? "https://" : "http://") + address(); }
};

/// Whether a text is meant as a URL.
bool is_url(const std::string& text);
/// Throws `bad_request` for one that is no such URL.
http_url parse_url(const std::string& text);
/// The same where TLS is not spoken.
http_url parse_plain_url(const std::string& text);

}  // namespace fp
