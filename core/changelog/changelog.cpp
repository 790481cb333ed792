#include "core/changelog/changelog.hpp"

#include <algorithm>

#include "core/base/printable.hpp"

namespace fp {

std::string to_string(const lineage& l) {
  return printable(l.index) + ", generation " + std::to_string(l.generation);
}

const char* to_string(changelog_status status) noexcept {
  switch (status) {
    case changelog_status::done:
      return "done";
    case changelog_status::mismatch:
      return "mismatch";
    case changelog_status::below_retention:
      return "below retention";
    case changelog_status::ahead_of_log:
      return "ahead of the log";
    case changelog_status::diverged:
      return "diverged";
    case changelog_status::no_lineage:
      return "no such lineage";
    case changelog_status::read_only:
      return "read-only";
    case changelog_status::unsupported:
      return "unsupported";
    case changelog_status::in_doubt:
      return "in doubt";
    case changelog_status::unavailable:
      return "unavailable";
  }
  return "unknown";
}

void keep_up_to(feed_changes& read, feed_position last) {
  const auto end = std::upper_bound(read.positions.begin(), read.positions.end(), last);
  if (end == read.positions.end()) return;
  read.positions.erase(end, read.positions.end());
  changes_reader reader(read.changes);
  change_view change;
  for (size_t i = 0; i < read.positions.size(); i++) reader.next(change);
  read.changes.resize(reader.offset());
}

}  // namespace fp
