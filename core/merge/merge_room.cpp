#include "core/merge/merge_room.hpp"

#include <algorithm>
#include <filesystem>
#include <string>

#include "core/base/error.hpp"

namespace fp {

namespace {

constexpr uint64_t kept_share = 20;
constexpr uint64_t max_kept_bytes = uint64_t{256} << 20;

}  // namespace

disk_space space_of(const path& folder) {
  std::error_code failure;
  const auto space = std::filesystem::space(folder, failure);
  if (failure) {
    throw error(errc::io_error, "cannot get the free space of " + folder.string() + ": " + failure.message());
  }
  return {space.capacity, space.available};
}

void require_merge_room(const disk_space& space, uint64_t bytes, uint64_t spare_bytes) {
  const uint64_t kept = std::min(space.total / kept_share, max_kept_bytes) + spare_bytes;
  if (space.available > kept && space.available - kept >= bytes) return;
  throw error(errc::no_space, "a merge may write " + std::to_string(bytes) + " bytes; of the " +
                                  std::to_string(space.available) + " that are free on the disk " +
                                  std::to_string(kept) + " are kept for checkpoints and the log");
}

}  // namespace fp
