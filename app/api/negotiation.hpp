#pragma once

#include <optional>

#include "app/api/body_decoder.hpp"
#include "app/http/http_types.hpp"
#include "messages/backup.hpp"
#include "messages/error.hpp"

namespace fp {

inline constexpr std::string_view json_type = "application/json", msgpack_type = "application/vnd.msgpack";
/// A backup that `fpctl restore` takes. Who does not ask for it by name gets fpindex's snapshot, as octets.
inline constexpr std::string_view backup_type = "application/vnd.fpnode.backup";
/// The same without the segments that who asks for it has.
inline constexpr std::string_view rest_type = "application/vnd.fpnode.backup-rest";
inline constexpr std::string_view octets_type = "application/octet-stream";

/// The format that a media type names, parameters aside.
std::optional<body_format> named_format(std::string_view media_type);

/// The format of a request's body: as its header says; nothing when that is another one. Without a header a body
/// is MessagePack, and no body counts as JSON.
std::optional<body_format> request_format(const http_request& request);

/// The format of the answer: the best one that `Accept` names; else that of the request.
body_format response_format(const http_request& request);

/// What is streamed of an index: our own backup where `Accept` names it, and no less gladly than octets.
stream_format snapshot_format(const http_request& request);

http_response make_response(unsigned status, std::string body, body_format format);
/// Text of another type, by default plain.
http_response text_response(unsigned status, std::string body, std::string_view type = "text/plain; charset=utf-8");
http_response error_response(unsigned status, std::string_view name, body_format format,
                             std::string_view reason = {});
/// By the one table of error codes. Of the error's text only the reason of a failed load is told.
http_response error_response(const caf::error& e, body_format format);

}  // namespace fp
