#include "core/check/log_check.hpp"

#include <string>

#include "core/base/error.hpp"

namespace fp {

oplog_inspection check_log(file_system& fs, const path& folder, commit_id after, const cancel_flag* cancel) {
  const auto decode = [](const commit_view& c, const path& file, uint64_t offset) {
    changes_reader reader(c.changes);
    change_view change;
    try {
      while (reader.next(change)) {
      }
    } catch (const error& e) {
      throw error(errc::corrupt_data, file.string() + ": offset " + std::to_string(offset) + ": commit " +
                                          std::to_string(c.id) + ": " + e.what());
    }
  };
  return inspect_oplog(fs, folder, after, decode, cancel);
}

}  // namespace fp
