#include "core/changelog/feed_following.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "core/commit/changes.hpp"

namespace fp {

namespace {

// One is applied while the next one is read.
constexpr size_t max_batches_in_flight = 2;

// Of what somebody waits for, who may have been told of a position that there is not.
constexpr feed_following::duration shortest_eagerness{50}, longest_eagerness{2'000};

}  // namespace

const char* to_string(replica_state state) noexcept {
  switch (state) {
    case replica_state::filling:
      return "filling";
    case replica_state::following:
      return "following";
    case replica_state::waiting:
      return "waiting";
    case replica_state::parked:
      return "parked";
  }
  return "unknown";
}

feed_following::feed_following(const options& o, following_effects& effects)
    : options_(o), effects_(effects), delays_(o.seed) {}

void feed_following::start(feed_position applied, bool filled, time_point now) {
  applied_ = read_to_ = newest_ = applied;
  filled_ = filled;
  compares_ = options_.compares_first && filled && applied > 0;
  set_state(filled ? replica_state::following : replica_state::filling, "", now);
  continue_reading(now);
}

void feed_following::continue_reading(time_point now) {
  if (state_ == replica_state::parked || wish_ || reading_ || behind_compared_) return;
  if (in_flight_.size() >= max_batches_in_flight) return;
  if (next_read_ && now < *next_read_) return;
  next_read_.reset();
  last_read_ = now;
  reading_ = true;
  effects_.read(compares_ ? applied_ - 1 : read_to_, read_tag_);
}

feed_following::duration feed_following::pause_before_next(duration usual) {
  if (wanted_ <= read_to_ || eagerness_ >= longest_eagerness) return usual;
  const auto soon = std::exchange(eagerness_, 2 * eagerness_);
  return usual.count() > 0 ? std::min(usual, soon) : soon;
}

void feed_following::read_at(time_point when) {
  next_read_ = when;
  effects_.wake_at(when);
}

void feed_following::read_done(feed_changes answer, time_point now) {
  if (!std::exchange(reading_, false) || state_ == replica_state::parked) return;
  if (std::exchange(read_is_stale_, false)) {
    continue_reading(now);
    return;
  }
  switch (answer.status) {
    case changelog_status::done:
      compares_ ? begin_comparison(std::move(answer), now) : take(std::move(answer), now);
      break;
    case changelog_status::below_retention:
      if (std::exchange(compares_, false)) {
        // The change has been dropped; those behind it may be there.
        continue_reading(now);
        break;
      }
      want_base(base_wish::needed, answer.why);
      break;
    case changelog_status::ahead_of_log:
    case changelog_status::diverged:
      park(answer.why, now);
      break;
    default:
      // A lineage that is none any more is the meta feed's to tell of.
      wait(answer.why, now);
  }
}

void feed_following::begin_comparison(feed_changes answer, time_point now) {
  if (answer.positions.empty()) {
    park("the changelog ends before position " + std::to_string(applied_) + ", which this replica has", now);
    return;
  }
  if (answer.positions.front() != applied_) {
    // An engine that leaves positions out has none there any more.
    compares_ = false;
    continue_reading(now);
    return;
  }
  changes_reader reader(answer.changes);
  change_view first;
  reader.next(first);
  const auto end = answer.changes.begin() + static_cast<std::ptrdiff_t>(reader.offset());
  const auto change = std::make_shared<const std::vector<uint8_t>>(answer.changes.begin(), end);
  answer.changes.erase(answer.changes.begin(), end);
  answer.positions.erase(answer.positions.begin());
  behind_compared_ = std::move(answer);
  effects_.compare(change);
}

void feed_following::compared(std::optional<bool> holds, time_point now) {
  if (!behind_compared_) return;
  auto answer = std::move(*behind_compared_);
  behind_compared_.reset();
  if (!holds) {
    wait("the index does not tell whether it holds what the changelog has at position " + std::to_string(applied_),
         now);
    return;
  }
  if (!*holds) {
    park("the changelog has another change at position " + std::to_string(applied_) + " than this replica", now);
    return;
  }
  compares_ = false;
  if (answer.positions.empty()) read_tag_ = applied_tag_ = answer.tag;
  take(std::move(answer), now);
}

void feed_following::take(feed_changes answer, time_point now) {
  const auto& positions = answer.positions;
  const bool ascends = std::ranges::adjacent_find(positions, std::greater<>()) == positions.end();
  if (!positions.empty() && (positions.front() <= read_to_ || !ascends)) {
    wait("the changelog answered with changes out of order, behind " + std::to_string(read_to_), now);
    return;
  }
  if (positions.empty() && in_flight_.empty()) apply_fails_ = false;
  if (!apply_fails_) note_success(now);
  if (wants_base(answer)) {
    has_asked_for_base_ = true;
    note_newest(answer.newest, now);
    want_base(base_wish::shorter, "");
    return;
  }
  const bool at_end = positions.empty();
  if (at_end && options_.whole_at_start && !filled_ && read_to_ == 0 && !has_nothing_at_start_) {
    want_base(base_wish::at_start, "");
    return;
  }
  const feed_position last = positions.empty() ? read_to_ : positions.back();
  note_newest(std::max(answer.newest, last), now);
  // Without the newest position an answer that has nothing tells where it was.
  if (!fill_to_ && (answer.newest != 0 || at_end)) fill_to_ = std::max(answer.newest, last);
  if (at_end) {
    const bool has_grown = newest_ > read_to_;
    const auto usual = has_grown                   ? std::max(answer.retry_after, duration(1))
                       : options_.poll.count() > 0 ? std::max(answer.retry_after, options_.poll)
                                                   : duration(0);
    if (const auto pause = pause_before_next(usual); pause.count() > 0) read_at(now + pause);
    look_whether_filled(now);
    return;
  }
  const feed_position before = read_to_;
  read_to_ = last;
  read_tag_ = answer.tag;
  in_flight_.push_back({++batches_, last, answer.tag});
  if (answer.retry_after.count() > 0 && newest_ <= last) read_at(now + pause_before_next(answer.retry_after));
  effects_.apply(batches_, before, last, std::make_shared<const std::vector<uint8_t>>(std::move(answer.changes)));
  continue_reading(now);
}

bool feed_following::wants_base(const feed_changes& answer) const {
  if (!options_.base_first || filled_ || has_asked_for_base_ || read_to_ != 0 || answer.positions.empty())
    return false;
  if (answer.newest != 0) return answer.newest > answer.positions.back();
  return answer.retry_after.count() == 0;
}

void feed_following::applied(uint64_t batch, time_point now) {
  if (in_flight_.empty() || in_flight_.front().number != batch) return;
  applied_ = in_flight_.front().position;
  applied_tag_ = in_flight_.front().tag;
  in_flight_.pop_front();
  if (std::exchange(apply_fails_, false)) note_success(now);
  note_newest(applied_, now);
  look_whether_filled(now);
  // An engine that is told by others of what is new is asked once more, until it has nothing.
  continue_reading(now);
}

void feed_following::apply_failed(uint64_t batch, const error& why, time_point now) {
  const auto is_it = [batch](const batch_in_flight& b) { return b.number == batch; };
  if (std::ranges::none_of(in_flight_, is_it)) return;
  apply_fails_ = true;
  // Those behind it cannot follow, and what is being read would.
  in_flight_.clear();
  read_is_stale_ = reading_;
  read_to_ = applied_;
  read_tag_ = applied_tag_;
  wait(why.what(), now);
}

void feed_following::want_base(base_wish wish, const std::string& why) {
  wish_ = wish;
  effects_.base_needed(wish, why);
}

void feed_following::base_failed(const std::string& why, time_point now) {
  wish_.reset();
  if (!why.empty()) {
    wait(why, now);
    return;
  }
  has_nothing_at_start_ = true;
  continue_reading(now);
}

void feed_following::heard_of(feed_position newest, time_point now) {
  note_newest(newest, now);
  if (newest <= read_to_ || state_ == replica_state::waiting) return;
  next_read_.reset();
  continue_reading(now);
}

void feed_following::wanted(feed_position position, time_point now) {
  if (position <= read_to_ || state_ == replica_state::waiting || state_ == replica_state::parked || wish_) return;
  wanted_ = std::max(wanted_, position);
  eagerness_ = shortest_eagerness;
  const auto soon = last_read_ ? std::max(now, *last_read_ + shortest_eagerness) : now;
  const bool is_read_earlier = reading_ || (next_read_ && *next_read_ <= soon);
  if (is_read_earlier) return;
  read_at(soon);
  look(now);
}

void feed_following::look(time_point now) {
  if (next_read_ && now >= *next_read_) {
    continue_reading(now);
  } else if (next_read_) {
    effects_.wake_at(*next_read_);
  }
}

void feed_following::wait(const std::string& why, time_point now) {
  const auto delay = delays_.next();
  if (filled_) {
    set_state(replica_state::waiting, why, now);
  } else {
    set_state(replica_state::filling, why, now);
  }
  read_at(now + delay);
}

void feed_following::note_success(time_point now) {
  delays_.reset();
  set_state(state_ == replica_state::waiting ? replica_state::following : state_, "", now);
}

void feed_following::park(const std::string& why, time_point now) { set_state(replica_state::parked, why, now); }

void feed_following::look_whether_filled(time_point now) {
  if (filled_ || !fill_to_ || applied_ < *fill_to_ || !in_flight_.empty()) return;
  filled_ = true;
  set_state(replica_state::following, "", now);
}

void feed_following::note_newest(feed_position newest, time_point now) {
  newest_ = std::max(newest_, newest);
  if (applied_ >= newest_) {
    behind_since_.reset();
  } else if (!behind_since_) {
    behind_since_ = now;
  }
}

void feed_following::set_state(replica_state state, std::string why, time_point now) {
  if (state_ == state && why_ == why) return;
  state_ = state;
  why_ = std::move(why);
  effects_.state_changed(report(now));
}

replica_report feed_following::report(time_point now) const {
  replica_report r{state_, why_, applied_, newest_, duration(0), 0, std::nullopt};
  if (behind_since_) r.behind = std::chrono::duration_cast<duration>(now - *behind_since_);
  if (state_ != replica_state::parked) r.attempts = delays_.failures();
  if (r.attempts > 0 && !reading_ && !wish_) r.next_try = next_read_;
  return r;
}

}  // namespace fp
