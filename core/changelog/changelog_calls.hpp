#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/changelog/changelog.hpp"

namespace fp {

// What a changelog is asked, as values that can wait and travel. Each has the type of its answer, and `on` asks.

struct append_call {
  using answer = std::vector<append_answer>;
  lineage of;
  std::shared_ptr<const std::vector<feed_append>> appends;

  answer on(changelog& log, changelog::time_point deadline) const { return log.append(of, *appends, deadline); }
};

struct read_call {
  using answer = feed_changes;
  lineage of;
  feed_position after = 0;
  read_limits limits;
  std::optional<uint64_t> tag;

  answer on(changelog& log, changelog::time_point deadline) const {
    return log.read(of, after, limits, tag, deadline);
  }
};

struct bounds_call {
  using answer = feed_bounds;
  lineage of;

  answer on(changelog& log, changelog::time_point deadline) const { return log.bounds(of, deadline); }
};

struct newest_call {
  using answer = changelog::newest_answer;
  std::shared_ptr<const std::vector<lineage>> lineages;

  answer on(changelog& log, changelog::time_point deadline) const { return log.newest(*lineages, deadline); }
};

struct truncate_call {
  using answer = changelog_answer;
  lineage of;
  feed_position floor = 0;

  answer on(changelog& log, changelog::time_point deadline) const { return log.truncate(of, floor, deadline); }
};

struct read_meta_call {
  using answer = meta_operations;
  feed_position after = 0;
  uint32_t max_operations = 256;

  answer on(changelog& log, changelog::time_point deadline) const {
    return log.read_meta(after, max_operations, deadline);
  }
};

struct create_lineage_call {
  using answer = meta_answer;
  std::string index;

  answer on(changelog& log, changelog::time_point deadline) const { return log.create_index(index, deadline); }
};

struct delete_lineage_call {
  using answer = meta_answer;
  std::string index;

  answer on(changelog& log, changelog::time_point deadline) const { return log.delete_index(index, deadline); }
};

}  // namespace fp
