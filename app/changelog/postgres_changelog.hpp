#pragma once

#include <set>
#include <string>

#include "app/changelog/postgres_primary.hpp"
#include "core/changelog/changelog.hpp"

namespace fp {

/// A changelog in PostgreSQL, by the schema of `postgres_schema.hpp`: positions of a lineage are dense, rows have
/// random tags. An append id is remembered for a day at least. All appends of a call are one statement, one
/// transaction and one wait for the disk, unless they are too large for one.
///
/// It connects when it is first used, and again whenever it has to, each time to whichever host is the primary. A
/// host whose call was late is left for another primary, if there is one.
class postgres_changelog final : public changelog {
 public:
  /// Throws `invalid_configuration` for a URL that is none.
  explicit postgres_changelog(const std::string& url);

  const std::string& name() const noexcept override { return name_; }
  bool resolves_doubt() const noexcept override { return true; }

  std::vector<append_answer> append(const lineage& l, std::span<const feed_append> appends,
                                    time_point deadline) override;
  feed_changes read(const lineage& l, feed_position after, const read_limits& limits, std::optional<uint64_t> tag,
                    time_point deadline) override;
  feed_bounds bounds(const lineage& l, time_point deadline) override;
  newest_answer newest(std::span<const lineage> lineages, time_point deadline) override;
  /// The floor is raised first, which is what is answered; then, as far as there is time, what it has given up is
  /// deleted, of all lineages. The rest is for the next one.
  changelog_answer truncate(const lineage& l, feed_position floor, time_point deadline) override;
  bootstrap_answer open_bootstrap(const lineage& l, time_point deadline) override;

  meta_operations read_meta(feed_position after, uint32_t max_operations, time_point deadline) override;
  meta_answer create_index(const std::string& index, time_point deadline) override;
  meta_answer delete_index(const std::string& index, time_point deadline) override;

  void interrupt() noexcept override { primary_.interrupt(); }

 private:
  void append_some(const lineage& l, std::span<const feed_append> appends, std::span<append_answer> answers,
                   time_point deadline);
  feed_changes read_once(const lineage& l, feed_position after, const read_limits& limits,
                         std::optional<uint64_t> tag, time_point deadline);
  /// Deletes some of what has been given up; false when there is none, or when that fails.
  bool sweep(time_point deadline);
  void settle(const append_id& id, append_answer& answer);
  meta_answer change_meta(const char* sql, const std::string& index, time_point deadline);
  template <class Answer>
  Answer failed(const postgres_answer& a, changelog_status status = changelog_status::unavailable) const;

  postgres_primary primary_;
  std::string name_;
  /// Appends that nobody knows the end of yet, up to so many: a failure of the same one later is no answer.
  static constexpr size_t max_doubtful = 65'536;
  std::set<append_id> doubtful_;
};

}  // namespace fp
