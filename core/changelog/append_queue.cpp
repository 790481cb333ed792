#include "core/changelog/append_queue.hpp"

#include <algorithm>
#include <utility>

namespace fp {

namespace {

// As many as one flush of the changelog should serve, and small enough that the first does not wait long for the
// last.
constexpr size_t max_call_writes = 1'024;
constexpr size_t max_call_bytes = size_t{8} << 20;

}  // namespace

append_queue::append_queue(const options& o, append_effects& effects)
    : options_(o), effects_(effects), delays_(o.seed) {}

void append_queue::push(feed_write write, time_point now) {
  const size_t bytes = bytes_of(write);
  if (size() >= options_.max_writes || (bytes_ > 0 && bytes_ + bytes > options_.max_bytes)) {
    throw error(errc::overloaded, "index " + options_.index + ": " + std::to_string(size()) +
                                      " writes wait for the changelog already");
  }
  bytes_ += bytes;
  effects_.wake_at(write.deadline);
  waiting_.push_back({std::move(write)});
  start_call(now);
}

void append_queue::start_call(time_point now) {
  if (!in_call_.empty() || waiting_.empty()) return;
  if (next_call_ && now < *next_call_) return;
  next_call_.reset();
  auto appends = std::make_shared<std::vector<feed_append>>();
  size_t bytes = 0;
  while (!waiting_.empty() && appends->size() < max_call_writes && bytes < max_call_bytes) {
    bytes += bytes_of(waiting_.front().write);
    appends->push_back(waiting_.front().write.append);
    in_call_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  effects_.append(std::move(appends));
}

void append_queue::appended(const std::vector<append_answer>& answers, time_point now) {
  auto asked = std::exchange(in_call_, {});
  const bool failed = std::ranges::any_of(answers, [](const append_answer& a) {
    return a.status == changelog_status::in_doubt || a.status == changelog_status::unavailable;
  });
  if (failed) {
    next_call_ = now + delays_.next();
    effects_.wake_at(*next_call_);
  } else {
    delays_.reset();
  }
  std::deque<queued> again;
  feed_position newest = 0;
  for (size_t i = 0; i < asked.size(); i++) {
    const append_answer none{{changelog_status::in_doubt, "the changelog gave no answer"}, 0};
    const append_answer& answer = i < answers.size() ? answers[i] : none;
    const bool is_lost = answer.status == changelog_status::in_doubt;
    if (is_lost || answer.status == changelog_status::unavailable) {
      asked[i].in_doubt = asked[i].in_doubt || is_lost;
      last_failure_ = answer.why;
      if (now >= asked[i].write.deadline || (asked[i].in_doubt && !options_.resolves_doubt)) {
        expire(asked[i]);
      } else {
        again.push_back(std::move(asked[i]));
      }
      continue;
    }
    if (answer.is_done()) newest = std::max(newest, answer.position);
    take(std::move(asked[i]), answer, now);
  }
  // They keep their place before those that came later.
  waiting_.insert(waiting_.begin(), std::make_move_iterator(again.begin()), std::make_move_iterator(again.end()));
  if (newest > 0) effects_.heard_of(newest);
  start_call(now);
}

void append_queue::take(queued write, const append_answer& answer, time_point now) {
  const auto number = write.write.number;
  if (answer.is_done()) {
    if (answer.position <= applied_) {
      forget(write);
      effects_.accept(number, answer.position);
    } else if (now >= write.write.deadline) {
      write.in_doubt = true;
      expire(write);
    } else {
      in_log_.emplace(answer.position, std::move(write));
    }
    return;
  }
  forget(write);
  const std::string& index = options_.index;
  switch (answer.status) {
    case changelog_status::mismatch:
      effects_.refuse(number, error(errc::version_mismatch,
                                    answer.position > 0
                                        ? "index " + index + " is at version " + std::to_string(answer.position) +
                                              ", not " + std::to_string(write.write.append.expected.value_or(0))
                                        : "index " + index + ": " + answer.why));
      break;
    case changelog_status::read_only:
      effects_.refuse(number, error(errc::feed_is_read_only, answer.why));
      break;
    case changelog_status::no_lineage:
      effects_.refuse(number, error(errc::index_not_found, answer.why));
      break;
    default:
      effects_.refuse(number, error(errc::changelog_unavailable, answer.why));
  }
}

void append_queue::append_refused(const error& why, time_point now) {
  for (const auto& write : std::exchange(in_call_, {})) {
    forget(write);
    effects_.refuse(write.write.number, why);
  }
  start_call(now);
}

void append_queue::applied(feed_position position) {
  applied_ = std::max(applied_, position);
  while (!in_log_.empty() && in_log_.begin()->first <= applied_) {
    const auto entry = in_log_.extract(in_log_.begin());
    forget(entry.mapped());
    effects_.accept(entry.mapped().write.number, entry.key());
  }
}

error append_queue::late(const queued& write) const {
  if (write.in_doubt) {
    return error(errc::replication_timeout, "index " + options_.index +
                                                ": the write may be in the changelog, and appears if it is" +
                                                (last_failure_.empty() ? "" : ": " + last_failure_));
  }
  return error(errc::changelog_unavailable,
               last_failure_.empty() ? "the changelog did not answer in time" : last_failure_);
}

void append_queue::expire(const queued& write) {
  forget(write);
  effects_.refuse(write.write.number, late(write));
}

void append_queue::look(time_point now) {
  const auto is_late = [now](const queued& q) { return now >= q.write.deadline; };
  std::optional<time_point> next;
  const auto sooner = [&](time_point t) { next = next ? std::min(*next, t) : t; };
  std::deque<queued> kept;
  for (auto& q : std::exchange(waiting_, {})) {
    if (is_late(q)) {
      expire(q);
    } else {
      sooner(q.write.deadline);
      kept.push_back(std::move(q));
    }
  }
  waiting_ = std::move(kept);
  for (auto it = in_log_.begin(); it != in_log_.end();) {
    if (is_late(it->second)) {
      forget(it->second);
      effects_.refuse(
          it->second.write.number,
          error(errc::replication_timeout, "index " + options_.index + ": the write is in the changelog at " +
                                               std::to_string(it->first) + " and will appear; this node is at " +
                                               std::to_string(applied_)));
      it = in_log_.erase(it);
    } else {
      sooner(it->second.write.deadline);
      ++it;
    }
  }
  start_call(now);
  // When nothing waits, nothing becomes of that time, and it would be past for good.
  if (next_call_ && !waiting_.empty()) sooner(*next_call_);
  if (next) effects_.wake_at(*next);
}

void append_queue::stop(const error& why) {
  for (auto* list : {&waiting_, &in_call_}) {
    for (const auto& q : std::exchange(*list, {})) effects_.refuse(q.write.number, why);
  }
  for (const auto& [position, q] : std::exchange(in_log_, {})) effects_.refuse(q.write.number, why);
  bytes_ = 0;
}

}  // namespace fp
