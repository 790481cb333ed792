#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace fp {

/// What went wrong. The one vocabulary of all layers: core throws it, actors send it as a `caf::error`,
/// gateways map it to their contract's names. The values travel over the wire: append, never renumber.
enum class errc : uint8_t {
  bad_request = 1,
  invalid_index_name,
  invalid_document_id,
  empty_fingerprint,
  generation_not_allowed,
  index_not_found,
  document_not_found,
  version_mismatch,
  index_already_exists,
  older_index_already_exists,
  newer_index_already_exists,
  payload_too_large,
  index_not_ready,
  index_failed,
  search_timeout,
  cancelled,
  read_only,
  overloaded,
  corrupt_data,
  unsupported_format,
  io_error,
  no_space,
  invalid_configuration,
  data_folder_locked,
  protocol_mismatch,
  unreachable,
  request_timeout,
  shutting_down,
  internal_error,
  feed_is_read_only,
  replication_timeout,
  changelog_unavailable,
  slice_unavailable,
};

/// The stable snake_case name of a code, e.g. "index_not_found"; "unknown" for a value outside the enum.
std::string_view to_string(errc code) noexcept;

/// The only exception type that core throws on purpose. `what()` is one line for a person and names the
/// file, key or offset that it is about.
class error : public std::runtime_error {
 public:
  error(errc code, const std::string& message) : std::runtime_error(message), code_(code) {}
  errc code() const noexcept { return code_; }

 private:
  errc code_;
};

}  // namespace fp
