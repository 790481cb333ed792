#include "core/base/error.hpp"

namespace fp {

std::string_view to_string(errc code) noexcept {
  switch (code) {
    case errc::bad_request:
      return "bad_request";
    case errc::invalid_index_name:
      return "invalid_index_name";
    case errc::invalid_document_id:
      return "invalid_document_id";
    case errc::empty_fingerprint:
      return "empty_fingerprint";
    case errc::generation_not_allowed:
      return "generation_not_allowed";
    case errc::index_not_found:
      return "index_not_found";
    case errc::document_not_found:
      return "document_not_found";
    case errc::version_mismatch:
      return "version_mismatch";
    case errc::index_already_exists:
      return "index_already_exists";
    case errc::older_index_already_exists:
      return "older_index_already_exists";
    case errc::newer_index_already_exists:
      return "newer_index_already_exists";
    case errc::payload_too_large:
      return "payload_too_large";
    case errc::index_not_ready:
      return "index_not_ready";
    case errc::index_failed:
      return "index_failed";
    case errc::search_timeout:
      return "search_timeout";
    case errc::cancelled:
      return "cancelled";
    case errc::read_only:
      return "read_only";
    case errc::overloaded:
      return "overloaded";
    case errc::corrupt_data:
      return "corrupt_data";
    case errc::unsupported_format:
      return "unsupported_format";
    case errc::io_error:
      return "io_error";
    case errc::no_space:
      return "no_space";
    case errc::invalid_configuration:
      return "invalid_configuration";
    case errc::data_folder_locked:
      return "data_folder_locked";
    case errc::protocol_mismatch:
      return "protocol_mismatch";
    case errc::unreachable:
      return "unreachable";
    case errc::request_timeout:
      return "request_timeout";
    case errc::shutting_down:
      return "shutting_down";
    case errc::internal_error:
      return "internal_error";
    case errc::feed_is_read_only:
      return "feed_is_read_only";
    case errc::replication_timeout:
      return "replication_timeout";
    case errc::changelog_unavailable:
      return "changelog_unavailable";
    case errc::slice_unavailable:
      return "slice_unavailable";
  }
  return "unknown";
}

}  // namespace fp
