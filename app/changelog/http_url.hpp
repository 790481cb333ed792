#pragma once

#include <string>

namespace fp {

/// Where an HTTP server answers, without TLS: `http://HOST[:PORT][/PATH]`.
struct http_url {
  std::string host;
  std::string port = "80";
  std::string path;  ///< without slashes around it; may be empty

  std::string address() const { return host + ":" + port; }
};

/// Whether a text is meant as a URL.
bool is_url(const std::string& text);
/// Throws `bad_request` for one that is no such URL.
http_url parse_url(const std::string& text);

}  // namespace fp
