#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/changelog/changelog.hpp"
#include "core/slices/slice.hpp"

namespace fp {

/// What another node says of its replica of a lineage.
struct peer_report {
  std::string url;
  std::string failure;  ///< why it says nothing; empty when it does
  uint64_t generation = 0;
  feed_position version = 0, file_version = 0;
};

/// What a peer sends of an index.
enum class base_format : uint8_t {
  backup = 1,      ///< `core/backup/backup_format.hpp`
  rest_of_backup,  ///< the same without the segments that the asker has (`completed_base.hpp`)
  fpindex,         ///< `core/fpindex/snapshot_header.hpp`
};

/// Who sends nothing of a base for so long has ended.
inline constexpr std::chrono::seconds longest_donor_silence{30};

/// When to give up waiting for the next bytes of a base, all of which must have come by `deadline`.
inline std::chrono::steady_clock::time_point silence_deadline(std::chrono::steady_clock::time_point deadline) {
  return std::min(deadline, std::chrono::steady_clock::now() + longest_donor_silence);
}

/// Bytes that a peer sends.
class base_stream {
 public:
  virtual ~base_stream() = default;
  virtual base_format format() const noexcept { return base_format::backup; }
  /// What of the index it holds; nothing: what was asked for.
  virtual std::optional<slice> part() const { return std::nullopt; }
  /// Fills a prefix of `out` and returns its length; 0 only at the end of a whole answer. Throws `unreachable` or
  /// `request_timeout`.
  virtual size_t read(std::span<std::byte> out, std::chrono::steady_clock::time_point deadline) = 0;
};

/// Whom to ask for what.
struct wanted_base {
  std::string url, index;
  slice part;  ///< of the index; a donor that does not hold all of it refuses, one that holds more says so
};

/// The other nodes that follow the same changelog. Blocks; serves one thread, but for `interrupt`.
class base_source {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  virtual ~base_source() = default;
  /// What each peer says, in the order in which they are configured. Throws nothing.
  virtual std::vector<peer_report> probe(const std::string& index, time_point deadline) = 0;
  /// All of an index. `held`: segments of it that are here, by `segment_id`. Throws `unreachable` or
  /// `request_timeout`.
  virtual std::unique_ptr<base_stream> open(const wanted_base& wanted, std::span<const uint64_t> held,
                                            time_point deadline) = 0;
  /// Ends the call that is going on, and every later one. From any thread.
  virtual void interrupt() noexcept = 0;
};

/// What a base must be.
struct base_need {
  uint64_t generation = 0;
  feed_position after = 0;                   ///< what is here already
  feed_position floor = 0;                   ///< the changelog goes on from here
  std::optional<feed_position> newest = {};  ///< and ends here, or further on by now
};

/// The peers whose replicas go on where the changelog can take over, the freshest files first: only those with the
/// lineage's generation that are ahead of what is here and within the changelog.
std::vector<peer_report> choose_donors(std::vector<peer_report> peers, const base_need& need);

/// Why there are none, for people: what each peer lacks.
std::string why_no_donor(const std::vector<peer_report>& peers, const base_need& need);

}  // namespace fp
