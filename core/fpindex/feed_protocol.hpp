#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/changelog/changelog.hpp"
#include "core/fpindex/message_pack.hpp"

/// The bodies that fpindex's coordinator and its replicas exchange: fpindex at dcdc58a, `coordinator_server.zig`
/// and `RemoteCoordinator.zig`; acoustid-server at 376a823, `acoustid/future/fpindex/feed.py`. A body is one value
/// of MessagePack, a struct a map whose keys are the first letters of its fields; bytes behind it do not count.
///
///     append    {c: [change], e?: expected position}    answered by {i: newest position}
///     read      {e: [{i: position, c: change}], r: milliseconds to wait}
///     meta      {o: [{p: position, k: 0 create or 1 delete, i: index}], r: milliseconds to wait}
///     create    {g: generation}
///     delete    {p: position}
///     bootstrap {p: position}, arrays of changes, and an empty array
///
/// Changes: see `change_decoder.hpp`. Theirs of several metadata keys is one change, ours several: decoded, they
/// share a position; encoded, those that follow each other become one, at the position of the last. A removal of a
/// metadata key cannot be said in this protocol.
///
/// Encoders throw `bad_request` for what cannot be said. Decoders throw `corrupt_data` as `located_error`, with the
/// name that is given and the offset.
namespace fp::fpindex {

/// Of a request, and of an answer that is no stream.
inline constexpr size_t max_feed_body_bytes = size_t{16} << 20;

using feed_body = std::vector<std::byte>;

/// What is asked of an append.
struct append_request {
  std::vector<uint8_t> changes;  ///< encoded
  std::optional<feed_position> expected;
};
feed_body encode_append_request(std::span<const uint8_t> changes, std::optional<feed_position> expected);
append_request decode_append_request(const std::string& name, std::span<const std::byte> body);

/// A struct of one number: the answers to appends ('i'), creates ('g') and deletes ('p').
feed_body encode_number(char field, uint64_t value);
uint64_t decode_number(const std::string& name, std::span<const std::byte> body, char field);

/// Positions ascend, and `changes` are as many.
feed_body encode_read_answer(std::span<const feed_position> positions, std::span<const uint8_t> changes,
                             std::chrono::milliseconds retry_after);
/// The status is `done`. Ends before the limits are exceeded, between two positions. `after`: what was asked;
/// positions that do not ascend from there on are an error.
feed_changes decode_read_answer(const std::string& name, std::span<const std::byte> body, feed_position after,
                                const read_limits& limits);

feed_body encode_meta_answer(std::span<const meta_operation> operations, std::chrono::milliseconds retry_after);
meta_operations decode_meta_answer(const std::string& name, std::span<const std::byte> body, feed_position after);

/// A part of a bootstrap stream: an array of changes, which ends the stream when it is empty. The stream begins
/// with `encode_number('p', position)`.
feed_body encode_bootstrap_part(std::span<const uint8_t> changes);

/// Reads a bootstrap stream as it comes.
class bootstrap_decoder {
 public:
  /// Reads the position. The source must outlive the decoder, and may throw.
  bootstrap_decoder(const std::string& name, byte_source& source);

  feed_position position() const noexcept { return position_; }
  /// The next changes, encoded: `max_bytes`, or a change more; none at the end. Throws when the stream ends without
  /// saying so.
  std::vector<uint8_t> next(size_t max_bytes);

 private:
  message_pack_reader in_;
  feed_position position_ = 0;
  uint32_t left_ = 0;  ///< of the array that is read
  bool at_end_ = false;
};

}  // namespace fp::fpindex
