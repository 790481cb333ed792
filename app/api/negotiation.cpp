#include "app/api/negotiation.hpp"

#include <algorithm>
#include <charconv>

#include "app/api/answer_bodies.hpp"

namespace fp {

namespace {

constexpr uint32_t retry_after_s = 1;

std::string_view trim(std::string_view s) {
  const auto first = s.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return s.substr(first, s.find_last_not_of(" \t") - first + 1);
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? char(c | 32) : c; };
    return lower(x) == lower(y);
  });
}

/// The `q` of a media range in thousandths: RFC 9110, 12.4.2.
int quality(std::string_view range) {
  for (size_t at = range.find(';'); at != std::string_view::npos; at = range.find(';', at + 1)) {
    const auto parameter = trim(range.substr(at + 1, range.find(';', at + 1) - at - 1));
    if (parameter.size() < 3 || (parameter[0] | 32) != 'q' || parameter[1] != '=') continue;
    int whole = parameter[2] == '1' ? 1000 : 0, unit = 100;
    for (size_t i = 4; i < parameter.size() && i < 7; i++, unit /= 10) {
      if (parameter[i] >= '0' && parameter[i] <= '9' && whole < 1000) whole += unit * (parameter[i] - '0');
    }
    return whole;
  }
  return 1000;
}

/// Calls `see(range, quality)` with the media ranges of an `Accept` field, in order.
template <class F>
void for_each_range(std::string_view accept, F&& see) {
  while (!accept.empty()) {
    const auto comma = accept.find(',');
    const auto range = accept.substr(0, comma);
    accept = comma == std::string_view::npos ? std::string_view{} : accept.substr(comma + 1);
    see(range, quality(range));
  }
}

/// Without its parameters.
std::string_view type_of(std::string_view range) { return trim(range.substr(0, range.find(';'))); }

struct error_row {
  errc code;
  unsigned status;
  std::string_view name;
};

// Everything that is not listed is an internal error: its text is for the log.
constexpr error_row error_rows[] = {
    {errc::bad_request, 400, "BadRequest"},
    {errc::empty_fingerprint, 400, "BadRequest"},
    {errc::invalid_index_name, 400, "InvalidIndexName"},
    {errc::invalid_document_id, 400, "InvalidFingerprintId"},
    {errc::generation_not_allowed, 400, "GenerationNotAllowed"},
    {errc::index_not_found, 404, "IndexNotFound"},
    {errc::document_not_found, 404, "FingerprintNotFound"},
    {errc::version_mismatch, 409, "VersionMismatch"},
    {errc::index_already_exists, 409, "IndexAlreadyExists"},
    {errc::older_index_already_exists, 409, "OlderIndexAlreadyExists"},
    {errc::newer_index_already_exists, 409, "NewerIndexAlreadyExists"},
    {errc::payload_too_large, 413, "PayloadTooLarge"},
    {errc::index_not_ready, 503, "IndexNotReady"},
    {errc::index_failed, 503, "IndexFailed"},
    {errc::read_only, 503, "IndexNotReady"},
    {errc::no_space, 503, "IndexNotReady"},  // for the files of a new index
    {errc::search_timeout, 503, "SearchTimeout"},
    {errc::cancelled, 503, "SearchTimeout"},
    {errc::overloaded, 503, "Overloaded"},
    {errc::feed_is_read_only, 403, "FeedIsReadOnly"},
    {errc::replication_timeout, 503, "ReplicationTimeout"},
    {errc::changelog_unavailable, 503, "CoordinatorError"},
    {errc::slice_unavailable, 503, "SliceUnavailable"},
    {errc::shutting_down, 503, "IndexNotReady"},
    {errc::unreachable, 503, "IndexNotReady"},
};

}  // namespace

std::optional<body_format> named_format(std::string_view media_type) {
  const auto type = type_of(media_type);
  if (equal_ignoring_case(type, json_type)) return body_format::json;
  if (equal_ignoring_case(type, msgpack_type)) return body_format::msgpack;
  return std::nullopt;
}

std::optional<body_format> request_format(const http_request& request) {
  const auto encoding = trim(request.content_encoding);
  if (!encoding.empty() && !equal_ignoring_case(encoding, "identity")) return std::nullopt;
  if (request.content_type) return named_format(*request.content_type);
  return request.body.empty() ? body_format::json : body_format::msgpack;
}

body_format response_format(const http_request& request) {
  std::optional<body_format> best;
  int best_quality = 0;
  for_each_range(request.accept, [&](std::string_view range, int wish) {
    const auto format = named_format(range);
    if (format && wish > best_quality) {
      best = format;
      best_quality = wish;
    }
  });
  if (best) return *best;
  return request_format(request).value_or(body_format::json);
}

stream_format snapshot_format(const http_request& request) {
  int backup = 0, octets = 0;
  for_each_range(request.accept, [&](std::string_view range, int wish) {
    if (equal_ignoring_case(type_of(range), backup_type)) backup = std::max(backup, wish);
    if (equal_ignoring_case(type_of(range), octets_type)) octets = std::max(octets, wish);
  });
  return backup > 0 && backup >= octets ? stream_format::backup : stream_format::fpindex;
}

http_response make_response(unsigned status, std::string body, body_format format) {
  http_response r;
  r.status = status;
  r.content_type = format == body_format::json ? json_type : msgpack_type;
  r.body = std::move(body);
  return r;
}

http_response text_response(unsigned status, std::string body, std::string_view type) {
  http_response r;
  r.status = status;
  r.content_type = type;
  r.body = std::move(body);
  return r;
}

http_response error_response(unsigned status, std::string_view name, body_format format, std::string_view reason) {
  auto r = make_response(status, encode_error(name, reason, format), format);
  if (status == 503) r.retry_after_s = retry_after_s;
  return r;
}

http_response error_response(const caf::error& e, body_format format) {
  const auto code = code_of(e);
  const auto row = std::ranges::find(error_rows, code, &error_row::code);
  if (row == std::end(error_rows)) {
    auto r = error_response(500, "InternalError", format);
    r.internal_reason = text_of(e);
    return r;
  }
  const bool has_reason = code == errc::index_failed || code == errc::read_only || code == errc::no_space ||
                          code == errc::slice_unavailable;
  return error_response(row->status, row->name, format, has_reason ? text_of(e) : std::string());
}

}  // namespace fp
