#include "app/api/http_settings.hpp"

#include "core/base/error.hpp"

namespace fp {

void add_options(option_list& o, http_settings& c) {
  o.host("host", c.host, "Address that the node listens on for HTTP");
  o.port("port", c.port, "Port that the node listens on for HTTP; 0 picks a free one, off does not listen");
  o.number("http_threads", c.http_threads, 1, 64, "Threads that read and write HTTP");
  o.number("http_max_body_bytes", c.http_max_body_bytes, KiB, GiB,
           "Largest request body that is accepted, in bytes");
  o.number("http_max_header_bytes", c.http_max_header_bytes, KiB, MiB,
           "Largest request header that is accepted, in bytes");
  o.number("http_max_connections", c.http_max_connections, 1, 1'000'000,
           "HTTP connections that may be open; more are told to come back later");
  o.number("http_max_requests_in_flight", c.http_max_requests_in_flight, 1, 1'000'000,
           "HTTP requests that may wait for an answer; more are told to come back later");
  o.number("http_idle_timeout_ms", c.http_idle_timeout_ms, 1, 24 * hour_ms,
           "How long an HTTP connection may rest between requests, or not take its answer, in "
           "milliseconds");
  o.number("http_header_timeout_ms", c.http_header_timeout_ms, 1, hour_ms,
           "How long the header of an HTTP request may take to arrive, in milliseconds");
  o.number("http_body_timeout_ms", c.http_body_timeout_ms, 1, 24 * hour_ms,
           "How long the body of an HTTP request may take to arrive, in milliseconds");
  o.number("http_max_buffered_bytes", c.http_max_buffered_bytes, MiB, 1024 * GiB,
           "Bytes that the bodies and answers of all HTTP connections may hold together");
  o.on_off("http_tls", c.http_tls, "HTTP is served by TLS alone");
  o.rule([&c] {
    if (c.http_max_body_bytes <= c.http_max_buffered_bytes) return;
    throw error(errc::invalid_configuration,
                "http_max_buffered_bytes: found " + std::to_string(c.http_max_buffered_bytes) +
                    ", allowed at least http_max_body_bytes, which is " + std::to_string(c.http_max_body_bytes));
  });
  o.file("token_file", c.token_file, "Bearer tokens of HTTP with their roles; empty: anybody may do anything");
  o.on_off("fingerprint_audio", c.fingerprint_audio,
           "Clients may send sound over HTTP, which ffmpeg decodes, to be fingerprinted");
  o.file(
      "library", c.library,
      "Library of recordings, as fpctl add writes it, that gives names to what HTTP finds; empty: there are none");
}

}  // namespace fp
