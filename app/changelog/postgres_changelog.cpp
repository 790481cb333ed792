#include "app/changelog/postgres_changelog.hpp"

#include <algorithm>
#include <limits>
#include <random>
#include <utility>

#include "app/changelog/postgres_schema.hpp"
#include "core/changelog/split_changes.hpp"

namespace fp {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// What one statement carries, unless a single append is larger. PostgreSQL's messages end at 1 GiB.
constexpr size_t max_append_bytes = size_t{16} << 20, max_append_changes = 65'536;
constexpr int64_t max_position = std::numeric_limits<int64_t>::max() / 2;
constexpr int64_t max_read_changes = 16'384;
constexpr int64_t swept_rows = 10'000;

constexpr char append_sql[] =
    "select outcome, at_position from fpnode.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

/// One snapshot for floor and newest position, which are the first row, the one without payload; then for the tag
/// of the change at `after`, with an empty payload, and for what follows it, up to so many bytes.
constexpr char read_sql[] = R"(
select g.floor, greatest(g.floor, (select max(c.position) from fpnode.log c where c.generation = g.generation)), null
from fpnode.lineage g where g.generation = $1 and g.name = $2 and g.erased is null
union all (
  select s.position, s.tag, s.payload
  from (select c.position, c.tag, case when c.position > $3 then c.payload else '' end payload,
               sum(case when c.position > $3 then octet_length(c.payload) else 0 end)
                 over (order by c.position rows unbounded preceding) bytes
        from fpnode.log c where c.generation = $1 and c.position between $3 and $3 + $4) s
  where s.position <= $3 + 1 or s.bytes <= $5 order by s.position))";

/// A look-up each ("offset 0" keeps them apart), which no estimate of how many there are turns into another plan.
constexpr char newest_sql[] = R"(
select l.floor, l.newest
from unnest($1, $2) with ordinality q(generation, name, n)
left join lateral (
  select g.floor, greatest(g.floor, (select max(c.position) from fpnode.log c where c.generation = g.generation)) newest
  from fpnode.lineage g where g.generation = q.generation and g.name = q.name and g.erased is null offset 0) l on true
order by q.n)";

/// Positions and generations that PostgreSQL cannot hold are larger than all that there are.
int64_t bounded(uint64_t value) { return static_cast<int64_t>(std::min<uint64_t>(value, max_position)); }

int64_t random_seed() {
  std::random_device device;
  return static_cast<int64_t>(uint64_t{device()} << 32 | device());
}

int64_t milliseconds_until(steady_clock::time_point deadline) {
  return std::max<int64_t>(1, std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now()).count());
}

}  // namespace

postgres_changelog::postgres_changelog(const std::string& url)
    : primary_(parse_postgres_url(url)), name_("the changelog at " + primary_.address().shown) {}

template <class Answer>
Answer postgres_changelog::failed(const postgres_answer& a, changelog_status status) const {
  return refused<Answer>(status, name_ + ": " + (a.why.empty() ? "an answer that makes no sense" : a.why));
}

// -- Appending

void postgres_changelog::append_some(const lineage& l, std::span<const feed_append> appends,
                                     std::span<append_answer> answers, time_point deadline) {
  std::vector<append_id> ids;
  std::vector<int64_t> expected, sizes, owners;
  std::vector<std::optional<int64_t>> documents;
  split_changes split;
  for (const auto& a : appends) {
    const auto before = split.pieces.size();
    split.add(*a.changes);
    ids.push_back(a.id);
    expected.push_back(a.expected ? bounded(*a.expected) : -1);
    sizes.push_back(static_cast<int64_t>(split.pieces.size() - before));
    owners.resize(split.pieces.size(), static_cast<int64_t>(ids.size()));
  }
  documents.assign(split.documents.begin(), split.documents.end());
  const auto fail_all = [&](const postgres_answer& a, changelog_status status) {
    std::fill(answers.begin(), answers.end(), failed<append_answer>(a, status));
  };
  if (auto why = primary_.connect(deadline); !why.empty()) {
    postgres_answer a;
    a.why = std::move(why);
    return fail_all(a, changelog_status::unavailable);
  }
  // Who waits for a lock longer than that is not in the log, and knows it.
  const auto lock_timeout = std::max<int64_t>(1, milliseconds_until(deadline) * 3 / 4);
  const auto a = primary_.run(append_sql,
                              postgres_parameters()
                                  .integer(bounded(l.generation))
                                  .text(l.index)
                                  .integer(lock_timeout)
                                  .integer(random_seed())
                                  .ids(ids)
                                  .integers(expected)
                                  .integers(sizes)
                                  .integers(owners)
                                  .maybe_integers(documents)
                                  .byte_strings(split.pieces),
                              deadline);
  if (!a.is_done()) {
    const bool is_forbidden = a.sqlstate == "42501";
    return fail_all(a, is_forbidden ? changelog_status::read_only
                       : a.is_sent  ? changelog_status::in_doubt
                                    : changelog_status::unavailable);
  }
  if (a.is_doubtful || a.rows.size() != appends.size()) {
    postgres_answer doubt;
    if (a.is_doubtful) doubt.why = "the commit did not wait for the standby: it may be on one machine alone";
    return fail_all(doubt, changelog_status::in_doubt);
  }
  for (size_t i = 0; i < answers.size(); i++) {
    const auto outcome = static_cast<postgres_outcome>(a.rows.integer(i, 0));
    const auto position = static_cast<feed_position>(a.rows.integer(i, 1));
    switch (outcome) {
      case postgres_outcome::appended:
        break;
      case postgres_outcome::mismatch:
        refuse(answers[i], changelog_status::mismatch,
               to_string(l) + ": the newest position is " + std::to_string(position));
        break;
      default:
        refuse(answers[i], changelog_status::no_lineage, name_ + " has no " + to_string(l));
    }
    answers[i].position = position;
  }
}

void postgres_changelog::settle(const append_id& id, append_answer& answer) {
  const bool is_failure =
      answer.status == changelog_status::unavailable || answer.status == changelog_status::read_only;
  if (is_failure && doubtful_.contains(id)) answer.status = changelog_status::in_doubt;
  if (answer.status != changelog_status::in_doubt) {
    if (!is_failure) doubtful_.erase(id);
    return;
  }
  // Ids are random: any of them may have to go.
  if (doubtful_.size() >= max_doubtful) doubtful_.erase(doubtful_.begin());
  doubtful_.insert(id);
}

std::vector<append_answer> postgres_changelog::append(const lineage& l, std::span<const feed_append> appends,
                                                      time_point deadline) {
  std::vector<append_answer> answers(appends.size());
  for (size_t begin = 0; begin < appends.size();) {
    std::set<append_id> ids;
    size_t end = begin, bytes = 0;
    for (; end < appends.size(); end++) {
      bytes += appends[end].changes->size();
      if (end > begin && (bytes > max_append_bytes || !ids.insert(appends[end].id).second)) break;
      ids.insert(appends[end].id);
    }
    append_some(l, appends.subspan(begin, end - begin), std::span(answers).subspan(begin, end - begin), deadline);
    begin = end;
  }
  for (size_t i = 0; i < appends.size(); i++) {
    auto& a = answers[i];
    // Whose writer has seen more than there is: the same as in `read`.
    if (a.status == changelog_status::mismatch && *appends[i].expected > a.position && primary_.choose_again()) {
      a = {};
      append_some(l, appends.subspan(i, 1), std::span(&a, 1), deadline);
    }
    settle(appends[i].id, a);
  }
  return answers;
}

// -- Reading

feed_changes postgres_changelog::read(const lineage& l, feed_position after, const read_limits& limits,
                                      std::optional<uint64_t> tag, time_point deadline) {
  auto answer = read_once(l, after, limits, tag, deadline);
  const bool contradicts =
      answer.status == changelog_status::ahead_of_log || answer.status == changelog_status::diverged;
  // A session may have stayed with a primary from before a failover, of which other sessions know already.
  if (contradicts && primary_.choose_again()) answer = read_once(l, after, limits, tag, deadline);
  return answer;
}

feed_changes postgres_changelog::read_once(const lineage& l, feed_position after, const read_limits& limits,
                                           std::optional<uint64_t> tag, time_point deadline) {
  const auto most = std::clamp<int64_t>(limits.max_changes, 1, max_read_changes);
  const auto most_bytes = static_cast<int64_t>(std::min<uint64_t>(limits.max_bytes, uint64_t{256} << 20));
  const auto a = primary_.ask(read_sql,
                              postgres_parameters()
                                  .integer(bounded(l.generation))
                                  .text(l.index)
                                  .integer(bounded(after))
                                  .integer(most)
                                  .integer(most_bytes),
                              deadline);
  if (!a.is_done()) return failed<feed_changes>(a);
  feed_changes answer;
  const auto refused_with = [&](changelog_status status, const std::string& why) {
    return refused<feed_changes>(status, name_ + ": " + to_string(l) + why);
  };
  // What a deleted index has left is no answer.
  if (a.rows.size() == 0 || !a.rows.is_null(0, 2))
    return refused_with(changelog_status::no_lineage, ": there is none");
  const auto floor = static_cast<feed_position>(a.rows.integer(0, 0));
  answer.newest = static_cast<feed_position>(a.rows.integer(0, 1));
  const auto number = [](feed_position p) { return std::to_string(p); };
  if (after < floor) {
    return refused_with(changelog_status::below_retention,
                        ": changes up to " + number(floor) + " have been dropped");
  }
  if (after > answer.newest) {
    return refused_with(changelog_status::ahead_of_log,
                        " ends at " + number(answer.newest) + ", and was at " + number(after));
  }
  size_t bytes = 0;
  for (size_t i = 1; i < a.rows.size(); i++) bytes += a.rows.bytes(i, 2).size();
  answer.changes.reserve(bytes);
  answer.positions.reserve(a.rows.size());
  auto next = after;
  for (size_t i = 1; i < a.rows.size(); i++) {
    const auto position = static_cast<feed_position>(a.rows.integer(i, 0));
    const auto its_tag = static_cast<uint64_t>(a.rows.integer(i, 1));
    if (position == after) {
      if (tag && *tag != its_tag) {
        return refused_with(changelog_status::diverged, " has another change at " + number(after) + " than it had");
      }
      continue;
    }
    if (position != ++next) return refused_with(changelog_status::unavailable, " lacks position " + number(next));
    const auto payload = a.rows.bytes(i, 2);
    answer.positions.push_back(position);
    answer.changes.insert(answer.changes.end(), payload.begin(), payload.end());
    answer.tag = its_tag;
  }
  if (next == after && next < answer.newest) {
    return refused_with(changelog_status::unavailable, " lacks position " + number(after + 1));
  }
  return answer;
}

changelog::newest_answer postgres_changelog::newest(std::span<const lineage> lineages, time_point deadline) {
  std::vector<int64_t> generations;
  std::vector<std::string> names;
  for (const auto& l : lineages) {
    generations.push_back(bounded(l.generation));
    names.push_back(l.index);
  }
  const auto a = primary_.ask(newest_sql, postgres_parameters().integers(generations).texts(names), deadline);
  if (!a.is_done() || a.rows.size() != lineages.size()) return failed<newest_answer>(a);
  newest_answer answer;
  answer.lineages.resize(lineages.size());
  for (size_t i = 0; i < lineages.size(); i++) {
    auto& b = answer.lineages[i];
    if (a.rows.is_null(i, 0)) {
      refuse(b, changelog_status::no_lineage, name_ + " has no " + to_string(lineages[i]));
      continue;
    }
    b.floor = static_cast<feed_position>(a.rows.integer(i, 0));
    b.newest = static_cast<feed_position>(a.rows.integer(i, 1));
  }
  return answer;
}

feed_bounds postgres_changelog::bounds(const lineage& l, time_point deadline) {
  const auto answer = newest(std::span(&l, 1), deadline);
  if (answer.is_done()) return answer.lineages.front();
  feed_bounds b;
  static_cast<changelog_answer&>(b) = answer;
  return b;
}

changelog_answer postgres_changelog::truncate(const lineage& l, feed_position floor, time_point deadline) {
  const auto raised = primary_.ask(
      "select fpnode.raise_floor($1, $2, $3)",
      postgres_parameters().integer(bounded(l.generation)).text(l.index).integer(bounded(floor)), deadline);
  if (raised.sqlstate == "42501") return failed<changelog_answer>(raised, changelog_status::read_only);
  if (!raised.is_done()) return failed<changelog_answer>(raised);
  if (raised.rows.is_null(0, 0)) {
    return refused<changelog_answer>(changelog_status::no_lineage, name_ + " has no " + to_string(l));
  }
  while (sweep(deadline)) {
  }
  return {};
}

bool postgres_changelog::sweep(time_point deadline) {
  const auto swept = primary_.run("select fpnode.sweep($1)", postgres_parameters().integer(swept_rows), deadline);
  return swept.is_done() && swept.rows.integer(0, 0) != 0;
}

bootstrap_answer postgres_changelog::open_bootstrap(const lineage& l, time_point) {
  return refused<bootstrap_answer>(changelog_status::unsupported,
                                   name_ + " has nothing of " + to_string(l) + " but its changes");
}

// -- The meta feed

meta_operations postgres_changelog::read_meta(feed_position after, uint32_t max_operations, time_point deadline) {
  const auto a =
      primary_.ask("select position, kind, name from fpnode.meta where position > $1 order by position limit $2",
                   postgres_parameters().integer(bounded(after)).integer(max_operations), deadline);
  if (!a.is_done()) return failed<meta_operations>(a);
  meta_operations answer;
  for (size_t i = 0; i < a.rows.size(); i++) {
    answer.operations.push_back({static_cast<feed_position>(a.rows.integer(i, 0)),
                                 static_cast<meta_operation::kind>(a.rows.integer(i, 1)), a.rows.text(i, 2)});
  }
  return answer;
}

meta_answer postgres_changelog::change_meta(const char* sql, const std::string& index, time_point deadline) {
  const auto a = primary_.ask(sql, postgres_parameters().text(index), deadline);
  if (a.sqlstate == "42501") return failed<meta_answer>(a, changelog_status::read_only);
  if (!a.is_done()) return failed<meta_answer>(a);
  if (a.is_doubtful) {
    postgres_answer doubt;
    doubt.why = "the commit did not wait for the standby: it may be on one machine alone";
    return failed<meta_answer>(doubt);
  }
  meta_answer answer;
  answer.position = static_cast<feed_position>(a.rows.integer(0, 0));
  return answer;
}

meta_answer postgres_changelog::create_index(const std::string& index, time_point deadline) {
  return change_meta("select fpnode.create_index($1)", index, deadline);
}

meta_answer postgres_changelog::delete_index(const std::string& index, time_point deadline) {
  auto answer = change_meta("select fpnode.delete_index($1)", index, deadline);
  // The changes of most go at once; of larger ones, with the next truncation.
  if (answer.is_done()) sweep(deadline);
  return answer;
}

}  // namespace fp
