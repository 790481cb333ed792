#include "app/node/start_checks.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>

#include "core/base/error.hpp"
#include "core/base/printable.hpp"

namespace fp {

namespace {

[[noreturn]] void refuse(std::string_view key, const path& place, const std::string& why) {
  throw error(errc::invalid_configuration, std::string(key) + ": " + printable(place.string(), 4096) + ": " + why);
}

std::string reason_of(int number) { return std::error_code(number, std::generic_category()).message(); }

/// What stands in a place; nothing when there is none.
std::optional<struct stat> look_at(std::string_view key, const path& place) {
  struct stat found;
  if (::stat(place.c_str(), &found) == 0) return found;
  if (errno != ENOENT) refuse(key, place, reason_of(errno));
  return std::nullopt;
}

void require_access(std::string_view key, const path& place, int mode) {
  if (::access(place.c_str(), mode) != 0) refuse(key, place, reason_of(errno));
}

/// That something new can be made in a folder.
void require_room_for_entries(std::string_view key, const path& folder) {
  require_access(key, folder, W_OK | X_OK);
}

}  // namespace

void check_data_folder(const node_config& c) {
  constexpr std::string_view key = "dir";
  const path whole = std::filesystem::absolute(c.dir).lexically_normal();
  for (path place = whole;; place = folder_of(place)) {
    const auto found = look_at(key, place);
    // What is missing is made, below what there is.
    if (!found && place != place.root_path()) continue;
    if (found && !S_ISDIR(found->st_mode)) refuse(key, place, "a file, and no folder");
    if (place == whole) {
      require_access(key, place, R_OK | W_OK | X_OK);
    } else {
      require_room_for_entries(key, place);
    }
    return;
  }
}

void check_log_file(const node_config& c) {
  if (c.log_file.empty()) return;
  constexpr std::string_view key = "log_file";
  const path file = c.log_file;
  if (const auto found = look_at(key, file)) {
    if (S_ISDIR(found->st_mode)) refuse(key, file, "a folder, and no file");
    require_access(key, file, W_OK);
    return;
  }
  const path folder = folder_of(file);
  if (!look_at(key, folder)) refuse(key, folder, "no such folder");
  require_room_for_entries(key, folder);
}

}  // namespace fp
