#pragma once

#include <cstdint>
#include <string>

#include "core/config/option_list.hpp"

namespace fp {

/// The HTTP gateway's settings; each is an option.
struct http_settings {
  std::string host = "127.0.0.1";
  port_setting port{true, 8080};
  uint32_t http_threads = 2;
  uint32_t http_max_body_bytes = 16u << 20;
  uint32_t http_max_header_bytes = 16u << 10;  ///< of the request line and all header fields
  uint32_t http_max_connections = 4'096;
  uint32_t http_max_requests_in_flight = 4'096;
  uint32_t http_idle_timeout_ms = 300'000;   ///< between requests, and for a client that takes no more of an answer
  uint32_t http_header_timeout_ms = 10'000;  ///< from the first byte of a request to the end of its header
  uint32_t http_body_timeout_ms = 60'000;    ///< from there to the end of its body
  uint64_t http_max_buffered_bytes = uint64_t{256} << 20;  ///< of bodies and answers of all connections together
  bool http_tls = false;
  std::string token_file;          ///< of bearer tokens; empty: whoever reaches HTTP may do anything
  bool fingerprint_audio = false;  ///< clients may send sound to be fingerprinted
  std::string library;             ///< of recordings (`recording_library`); empty: documents have no names
};

void add_options(option_list& o, http_settings& c);

}  // namespace fp
