#include "core/changelog/local_changelog.hpp"

#include <algorithm>
#include <utility>

#include "core/base/in_doubt_error.hpp"
#include "core/base/printable.hpp"
#include "core/changelog/local_bootstrap.hpp"
#include "core/changelog/local_format.hpp"

namespace fp {

namespace {

uint64_t count_changes(std::span<const uint8_t> changes) {
  changes_reader reader(changes);
  change_view change;
  uint64_t count = 0;
  while (reader.next(change)) count++;
  return count;
}

changelog_status status_of(const error& e) noexcept {
  if (dynamic_cast<const in_doubt_error*>(&e) != nullptr) return changelog_status::in_doubt;
  return e.code() == errc::read_only ? changelog_status::read_only : changelog_status::unavailable;
}

void refuse_lineage(changelog_answer& answer, const lineage& l) {
  refuse(answer, changelog_status::no_lineage, to_string(l) + ": the changelog has no such lineage");
}

std::string ahead_text(const std::string& what, feed_position newest, feed_position after) {
  return what + ": the log ends at position " + std::to_string(newest) + ", before " + std::to_string(after);
}

}  // namespace

local_changelog::local_changelog(file_system& fs, path folder, const local_changelog_options& options)
    : fs_(fs), folder_(std::move(folder)), options_(options), name_("the changelog in " + folder_.string()) {
  log_options_.max_file_bytes = options_.max_file_bytes;
  log_options_.max_recent = options_.max_recent_of_lineage;
  log_options_.files = std::make_shared<open_files>(options_.max_open_files);
  log_options_.window = std::make_shared<feed_window>();
  fs_.create_directories(folder_);
  lock_ = fs_.lock(folder_ / "lock");
  open_meta();
}

local_changelog::~local_changelog() {
  while (!used_.empty()) close(lineage(used_.front()));
  try {
    if (meta_) meta_->close();
  } catch (const error&) {
    // A log without a seal is one whose process was killed.
  }
}

void local_changelog::attempt(changelog_answer& answer, const std::function<void()>& part) {
  try {
    if (!meta_) open_meta();
    part();
  } catch (const error& e) {
    refuse(answer, status_of(e), name_ + ": " + e.what());
  } catch (const std::exception& e) {
    refuse(answer, changelog_status::unavailable, name_ + ": " + e.what());
  }
}

path local_changelog::folder_of_lineage(const lineage& l) const {
  const auto name = local_format::lineage_folder_name(l);
  if (!name) throw error(errc::bad_request, printable(l.index) + ": not a name that can have a folder");
  return folder_ / "lineages" / *name;
}

bool local_changelog::exists(const lineage& l) const {
  const auto it = generations_.find(l.index);
  if (it != generations_.end() && it->second == l.generation) return true;
  return l.generation > meta_->newest() && local_format::lineage_folder_name(l).has_value();
}

local_changelog::entry& local_changelog::opened(const lineage& l) {
  entry& e = entries_[l];
  if (e.store) {
    used_.splice(used_.end(), used_, e.used);
    return e;
  }
  e.store = std::make_unique<lineage_store>(fs_, folder_of_lineage(l), log_options_);
  e.used = used_.insert(used_.end(), l);
  num_remembered_ += e.store->log().num_remembered();
  note_use(e);
  while (used_.size() > 1 && (used_.size() > options_.max_open_lineages || num_remembered_ > options_.max_recent)) {
    close(lineage(used_.front()));
  }
  return e;
}

void local_changelog::note_use(entry& e) {
  e.known.floor = e.store->floor();
  e.known.newest = e.store->log().newest();
}

void local_changelog::close(const lineage& l) {
  const auto it = entries_.find(l);
  if (it == entries_.end() || !it->second.store) return;
  entry& e = it->second;
  num_remembered_ -= std::min(num_remembered_, e.store->log().num_remembered());
  try {
    e.store->log().close();
  } catch (const error&) {
    // A log without a seal is one whose process was killed.
  }
  e.store.reset();
  used_.erase(e.used);
}

void local_changelog::doubt(const lineage& l) {
  close(l);
  entries_.erase(l);
}

std::vector<append_answer> local_changelog::append(const lineage& l, std::span<const feed_append> appends,
                                                   time_point deadline) {
  std::vector<append_answer> answers(appends.size());
  append_answer all;
  attempt(all, [&] {
    limits(deadline).check();
    const auto it = generations_.find(l.index);
    const bool is_there = exists(l);
    const bool is_ahead = is_there && (it == generations_.end() || it->second != l.generation);
    if (!is_there || (is_ahead && ahead_.count(l) == 0 && ahead_.size() >= max_lineages_ahead)) {
      refuse_lineage(all, l);
      return;
    }
    if (is_ahead) ahead_.insert(l);
    append_each(l, appends, answers);
  });
  if (!all.is_done()) std::fill(answers.begin(), answers.end(), all);
  return answers;
}

void local_changelog::append_each(const lineage& l, std::span<const feed_append> appends,
                                  std::vector<append_answer>& answers) {
  entry& e = opened(l);
  feed_log& log = e.store->log();
  std::vector<feed_log::entry> fresh;
  std::map<append_id, feed_position> ids;
  std::vector<bool> is_settled(appends.size());
  feed_position newest = log.newest();
  for (size_t i = 0; i < appends.size(); i++) {
    const feed_append& a = appends[i];
    append_answer& answer = answers[i];
    if (const auto known = log.find(a.id)) {
      answer.position = *known;
      is_settled[i] = true;
      continue;
    }
    if (const auto it = ids.find(a.id); it != ids.end()) {
      answer.position = it->second;
      continue;
    }
    answer.position = newest;
    if (a.expected && *a.expected != newest) {
      refuse(answer, changelog_status::mismatch,
             to_string(l) + ": the newest position is " + std::to_string(newest) + ", not " +
                 std::to_string(*a.expected));
      continue;
    }
    try {
      const uint64_t count = count_changes(*a.changes);
      if (count == 0) continue;
      fresh.push_back({a.id, *a.changes, count});
      newest += count;
      answer.position = newest;
      ids[a.id] = newest;
    } catch (const error& malformed) {
      refuse(answer, changelog_status::unavailable, malformed.what());
      is_settled[i] = true;
    }
  }
  if (fresh.empty()) return;
  const size_t remembered_before = log.num_remembered();
  append_answer failure;
  try {
    log.append(fresh);
  } catch (const error& why) {
    refuse(failure, status_of(why), name_ + ": " + why.what());
  } catch (const std::exception& why) {
    refuse(failure, changelog_status::unavailable, name_ + ": " + why.what());
  }
  num_remembered_ += log.num_remembered() - remembered_before;
  note_use(e);
  if (failure.is_done()) return;
  // What a mismatch was found with has not come to be either.
  if (log.is_broken()) {
    failure.status = changelog_status::in_doubt;
    doubt(l);
  }
  for (size_t i = 0; i < appends.size(); i++) {
    if (!is_settled[i]) answers[i] = failure;
  }
}

feed_changes local_changelog::read(const lineage& l, feed_position after, const read_limits& wanted,
                                   std::optional<uint64_t>, time_point deadline) {
  feed_changes answer;
  attempt(answer, [&] {
    const call_limits call = limits(deadline);
    call.check();
    if (!exists(l)) return refuse_lineage(answer, l);
    if (is_untouched(l)) {
      if (after > 0) refuse(answer, changelog_status::ahead_of_log, ahead_text(to_string(l), 0, after));
      return;
    }
    // Who reads on at the end needs no open log.
    const auto it = entries_.find(l);
    const bool is_known = it != entries_.end() && it->second.known.newest > 0;
    if (is_known && it->second.known.newest == after) {
      answer.newest = after;
      return;
    }
    entry& e = opened(l);
    answer.newest = e.known.newest;
    if (after > answer.newest) {
      return refuse(answer, changelog_status::ahead_of_log, ahead_text(to_string(l), answer.newest, after));
    }
    if (after < e.known.floor && !wanted.with_dropped) {
      return refuse(answer, changelog_status::below_retention,
                    to_string(l) + ": changes up to position " + std::to_string(e.known.floor) +
                        " have been dropped, those behind " + std::to_string(after) + " are asked for");
    }
    if (after < answer.newest) e.store->read(after, wanted, call, answer);
  });
  return answer;
}

feed_bounds local_changelog::bounds(const lineage& l, time_point deadline) {
  feed_bounds answer;
  attempt(answer, [&] {
    limits(deadline).check();
    if (!exists(l)) return refuse_lineage(answer, l);
    if (!is_untouched(l)) answer = opened(l).known;
  });
  return answer;
}

changelog::newest_answer local_changelog::newest(std::span<const lineage> lineages, time_point deadline) {
  newest_answer answer;
  attempt(answer, [&] {
    for (const lineage& l : lineages) {
      limits(deadline).check();
      feed_bounds& one = answer.lineages.emplace_back();
      const auto it = entries_.find(l);
      if (it != entries_.end() && it->second.known.newest > 0) {
        one = it->second.known;
      } else {
        one = bounds(l, deadline);
      }
    }
  });
  return answer;
}

changelog_answer local_changelog::truncate(const lineage& l, feed_position floor, time_point deadline) {
  changelog_answer answer;
  attempt(answer, [&] {
    const call_limits call = limits(deadline);
    call.check();
    if (!exists(l)) return refuse_lineage(answer, l);
    if (is_untouched(l)) return;
    entry& e = opened(l);
    try {
      e.store->truncate(std::min(floor, e.known.newest), call);
      note_use(e);
    } catch (const in_doubt_error&) {
      doubt(l);
      throw;
    }
  });
  return answer;
}

bootstrap_answer local_changelog::open_bootstrap(const lineage& l, time_point deadline) {
  bootstrap_answer answer;
  const feed_bounds now = bounds(l, deadline);
  static_cast<changelog_answer&>(answer) = now;
  if (!answer.is_done()) return answer;
  if (now.floor == 0) {
    refuse(answer, changelog_status::unsupported, to_string(l) + ": all of it is in the changelog");
  } else {
    answer.stream = std::make_unique<local_bootstrap>(*this, l, now.newest);
  }
  return answer;
}

}  // namespace fp
