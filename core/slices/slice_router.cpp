#include "core/slices/slice_router.hpp"

#include <algorithm>
#include <utility>

namespace fp {

namespace {

/// Whether any replica would say the same.
bool is_of_the_query(errc code) {
  switch (code) {
    case errc::bad_request:
    case errc::empty_fingerprint:
    case errc::payload_too_large:
    case errc::cancelled:  // by whoever asks
      return true;
    default:
      return false;
  }
}

/// Whether the next search would find the same at that member.
bool is_of_the_member(errc code) {
  if (is_of_the_query(code)) return false;
  switch (code) {
    case errc::search_timeout:
    case errc::overloaded:
    case errc::replication_timeout:
    case errc::request_timeout:  // who says nothing to anybody is noticed earlier
      return false;
    default:
      return true;
  }
}

/// Whether the member may hold it soon, or somebody in its place.
bool is_passing(errc code) {
  return code == errc::index_not_ready || code == errc::shutting_down || code == errc::unreachable ||
         code == errc::index_not_found;
}

/// What clients are told of a search that fails for what its replicas said last.
errc code_for_client(errc code) {
  return is_of_the_member(code) || code == errc::request_timeout ? errc::slice_unavailable : code;
}

std::string list_of(const std::vector<slice>& slices) {
  std::string out;
  for (const auto& one : slices) out += (out.empty() ? "" : ", ") + one.text();
  return out;
}

std::string named(const std::vector<slice>& slices) {
  return (slices.size() == 1 ? "slice " : "slices ") + list_of(slices);
}

/// What clients are told where the replicas of a slice fail, by what one of them said last.
error slice_error(const slice& part, const error& why) {
  return error(code_for_client(why.code()), "slice " + part.text() + ": " + why.what());
}

}  // namespace

slice_router::slice_router(const options& o, routing_effects& effects)
    : options_(o), effects_(effects), budget_(o.hedge_percent, o.hedges_at_once), random_(o.seed) {}

void slice_router::set_replicas(std::span<const slice_replica> replicas, time_point now) {
  note_whole(now);
  map_ = replica_map(replicas);
  std::erase_if(members_, [&](const auto& entry) {
    const auto& [member, state] = entry;
    return state.counts.in_flight == 0 &&
           std::ranges::none_of(replicas, [&](const auto& r) { return r.member == member; });
  });
  // What they say of their versions is newer: one that begins anew may be behind what it was.
  for (auto& [member, state] : members_) state.version = 0;
  look(now);
  look_at_waiting(now);
}

slice_router::member_state& slice_router::state_of(member_number member) {
  return members_.try_emplace(member, options_.seed + member).first->second;
}

bool slice_router::is_well(member_number member) const {
  const auto found = members_.find(member);
  return found == members_.end() || !found->second.out_until;
}

bool slice_router::may_answer(const slice_replica& replica, time_point now) const {
  if (!replica.serves) return false;
  const auto found = members_.find(replica.member);
  if (found == members_.end() || !found->second.out_until) return true;
  return found->second.is_silent || now >= *found->second.out_until;
}

slice_router::duration slice_router::load_of(member_number member) const {
  constexpr duration unknown = std::chrono::milliseconds(1);
  const auto found = members_.find(member);
  if (found == members_.end()) return unknown;
  const auto& m = found->second;
  const auto mean = m.latency.mean();
  return (mean.count() > 0 ? mean : unknown) * (m.counts.in_flight + 1);
}

void slice_router::search(uint64_t number, const query& asked, time_point now) {
  if (searches_.size() >= options_.max_searches) {
    effects_.refused(number,
                     error(errc::overloaded, std::to_string(searches_.size()) + " searches are routed already"));
    return;
  }
  searches_.emplace(number, search_state{asked, {}, {}});
  set_timer(asked.deadline, timer::deadline, number);
  begin(number, now);
}

slice_tiling slice_router::tiling(const query& asked, time_point now) const {
  const auto answers = [&](const slice_replica& r) { return may_answer(r, now); };
  return asked.document ? map_.choose_slice_of(*asked.document, answers) : map_.choose_tiling(answers);
}

void slice_router::note_whole(time_point now) {
  // Of one that has failed nobody knows whether it is there again.
  const auto known = map_.choose_tiling([&](const slice_replica& r) { return r.serves && is_well(r.member); });
  if (known.is_whole()) last_whole_ = now;
}

bool slice_router::may_wait(const search_state& search, time_point now) const {
  if (search.asked.allow_partial) return false;
  if (search.gives_up) return now < *search.gives_up;
  return last_whole_ && now < *last_whole_ + options_.longest_settling;
}

void slice_router::begin(uint64_t number, time_point now) {
  auto& search = searches_.at(number);
  const auto known = tiling(search.asked, now);
  search.begun++;
  search.slices.clear();
  search.missing.clear();
  for (const auto at : known.missing) search.missing.push_back(map_.holders()[at].part);
  const bool is_whole = known.is_whole();
  // Looked at now and then: it takes as long as choosing whom to ask.
  const bool is_new = !last_whole_ || now - *last_whole_ > options_.shortest_silence;
  if (is_whole && is_new) note_whole(now);
  if (!is_whole && may_wait(search, now)) {
    wait_for_slices(number, known, now);
    return;
  }
  if (!is_whole && (!search.asked.allow_partial || known.slices.empty())) {
    refuse_unserved(number, known.fault);
    return;
  }
  for (const auto at : known.slices) {
    const auto& holders = map_.holders()[at];
    slice_state part;
    part.part = holders.part;
    for (const auto& r : holders.replicas) {
      if (r.serves) part.holders.push_back(r);
    }
    search.slices.push_back(std::move(part));
  }
  const auto num_slices = search.num_open = search.slices.size();
  for (size_t i = 0; i < num_slices; ++i) {
    budget_.asked();
    const auto member = choose(search, search.slices[i], now);
    ask(number, i, *member, now);
    try_again(number, i, now);
  }
}

void slice_router::wait_for_slices(uint64_t number, const slice_tiling& known, time_point now) {
  auto& search = searches_.at(number);
  if (!search.gives_up) search.gives_up = now + options_.longest_settling;
  waiting_.insert(number);
  if (is_settling_) return;
  settling_pause_ = options_.first_settling;
  ask_for_holders(known, now);
}

void slice_router::ask_for_holders(const slice_tiling& known, time_point now) {
  is_settling_ = true;
  set_timer(now + settling_pause_, timer::settling, 0);
  settling_pause_ = std::min(settling_pause_ * 2, options_.shortest_silence);
  for (size_t i = 0; i < map_.holders().size(); ++i) {
    const bool is_missing = std::ranges::find(known.missing, i) != known.missing.end();
    if (known.fault.empty() && !is_missing) continue;
    for (const auto& r : map_.holders()[i].replicas) effects_.ping(r.member);
  }
}

void slice_router::settle(time_point now) {
  is_settling_ = false;
  look_at_waiting(now);
  if (!waiting_.empty()) ask_for_holders(tiling({}, now), now);
}

void slice_router::look_at_waiting(time_point now) {
  if (waiting_.empty()) return;
  const bool is_whole = tiling({}, now).is_whole();
  const auto has_somebody = [&](const query& asked) {
    return is_whole || (asked.document && tiling(asked, now).is_whole());
  };
  for (const auto number : std::set<uint64_t>(waiting_)) {
    const auto search = searches_.find(number);
    if (search != searches_.end() && !has_somebody(search->second.asked) && may_wait(search->second, now)) continue;
    waiting_.erase(number);
    if (search != searches_.end()) begin(number, now);
  }
}

void slice_router::refuse_unserved(uint64_t number, const std::string& fault) {
  const auto& search = searches_.at(number);
  const std::string why = search.failure ? search.failure->what() : "no replica answers";
  refuse(number, error(errc::slice_unavailable,
                       search.missing.empty() ? fault.empty() ? why : fault : named(search.missing) + ": " + why));
}

slice_router::search_state* slice_router::search_of(const call_state& call) {
  const auto found = searches_.find(call.search);
  return found != searches_.end() && found->second.begun == call.begun ? &found->second : nullptr;
}

std::optional<member_number> slice_router::choose(const search_state& search, const slice_state& part,
                                                  time_point now) {
  std::vector<slice_replica> candidates;
  for (const auto& r : part.holders) {
    if (may_answer(r, now) && std::ranges::find(part.asked, r.member) == part.asked.end()) candidates.push_back(r);
  }
  // The well ones if there are any, and of them those that are known to be there.
  const auto prefer = [&](const auto& is_better) {
    if (std::ranges::any_of(candidates, is_better)) {
      std::erase_if(candidates, [&](const slice_replica& r) { return !is_better(r); });
    }
  };
  prefer([&](const slice_replica& r) { return is_well(r.member); });
  prefer([&](const slice_replica& r) { return !r.is_draining; });
  prefer([&](const slice_replica& r) { return is_well(r.member) || now >= *members_.at(r.member).out_until; });
  prefer([&](const slice_replica& r) {
    const auto m = members_.find(r.member);
    const auto answered = m == members_.end() ? 0 : m->second.version;
    return std::max(r.version, answered) >= search.asked.min_version;
  });
  if (candidates.empty()) return std::nullopt;
  const auto draw = [&] { return static_cast<size_t>(random_() % candidates.size()); };
  std::swap(candidates.front(), candidates[draw()]);
  if (candidates.size() == 1) return candidates.front().member;
  const auto first = candidates.front().member;
  const auto second = candidates[1 + static_cast<size_t>(random_() % (candidates.size() - 1))].member;
  return load_of(second) < load_of(first) ? second : first;
}

void slice_router::ask(uint64_t number, size_t slice_at, member_number member, time_point now) {
  auto& search = searches_.at(number);
  auto& part = search.slices[slice_at];
  auto& m = state_of(member);
  const auto call = next_call_++;
  const bool is_trial = m.out_until.has_value();
  if (is_trial) m.is_tried = true;
  calls_.emplace(call, call_state{number, search.begun, slice_at, member, now, is_trial});
  part.asked.push_back(member);
  part.in_flight++;
  m.counts.asked++;
  totals_.asked++;
  if (m.counts.in_flight++ == 0) m.silent_since = now;
  if (!m.is_watched) {
    m.is_watched = true;
    set_timer(now + options_.shortest_silence, timer::silence, member);
  }
  if (part.holders.size() > part.asked.size()) {
    const auto usual = m.latency.knows() ? m.latency.percentile_95() : options_.first_hedge;
    set_timer(now + std::max(options_.shortest_hedge, usual), timer::hedge, call);
  }
  effects_.ask(call, number, member, part.part);
}

void slice_router::try_again(uint64_t number, size_t slice_at, time_point now) {
  const auto& part = searches_.at(number).slices[slice_at];
  for (const auto& r : part.holders) {
    const auto found = members_.find(r.member);
    if (found == members_.end() || !found->second.out_until || found->second.is_tried || r.is_draining) continue;
    if (now < *found->second.out_until || std::ranges::find(part.asked, r.member) != part.asked.end()) continue;
    ask(number, slice_at, r.member, now);
    return;
  }
}

void slice_router::ask_another(uint64_t number, size_t slice_at, time_point now) {
  const auto found = searches_.find(number);
  if (found == searches_.end() || found->second.slices[slice_at].answer) return;
  if (const auto next = choose(found->second, found->second.slices[slice_at], now)) {
    ask(number, slice_at, *next, now);
  } else if (found->second.slices[slice_at].in_flight == 0) {
    close_slice(number, slice_at, now);
  }
}

void slice_router::hedge(uint64_t call, time_point now) {
  const auto found = calls_.find(call);
  if (found == calls_.end()) return;
  const auto number = found->second.search;
  const auto slice_at = found->second.slice_at;
  const auto* search = search_of(found->second);
  if (!search || search->slices[slice_at].answer) return;
  const auto next = choose(*search, search->slices[slice_at], now);
  if (!next || !is_well(*next)) return;
  if (std::ranges::find(search->slices[slice_at].holders, *next, &slice_replica::member)->is_draining) return;
  if (!budget_.take()) {
    set_timer(now + options_.shortest_silence, timer::hedge, call);
    return;
  }
  state_of(*next).counts.hedged++;
  totals_.hedged++;
  ask(number, slice_at, *next, now);
}

void slice_router::look_at_silence(member_number member, time_point now) {
  const auto known = members_.find(member);
  if (known == members_.end()) return;
  auto& m = known->second;
  m.is_watched = false;
  if (m.counts.in_flight == 0) return;
  const auto due = m.silent_since + options_.shortest_silence * (m.is_pinged ? 2 : 1);
  const auto watch = [&](time_point when) {
    m.is_watched = true;
    set_timer(when, timer::silence, member);
  };
  if (now < due) {
    watch(due);
  } else if (!m.is_pinged) {
    m.is_pinged = true;
    effects_.ping(member);
    watch(now + options_.shortest_silence);
  } else {
    const auto silent = std::chrono::duration_cast<std::chrono::milliseconds>(now - m.silent_since);
    leave_out(member, "no word for " + std::to_string(silent.count()) + " ms", true, now);
    std::vector<std::pair<uint64_t, size_t>> unanswered;
    for (const auto& [call, state] : calls_) {
      if (state.member == member && search_of(state)) unanswered.emplace_back(state.search, state.slice_at);
    }
    // Silent as it is, it may still answer before the others: it is not asked of anybody who has been asked.
    for (const auto& [number, slice_at] : unanswered) {
      const auto search = searches_.find(number);
      if (search == searches_.end() || search->second.slices[slice_at].answer) continue;
      if (search->second.slices[slice_at].in_flight == 1) {
        if (const auto next = choose(search->second, search->second.slices[slice_at], now)) {
          ask(number, slice_at, *next, now);
        }
      }
    }
    m.silent_since = now;
    watch(now + options_.shortest_silence);
  }
}

slice_router::call_state slice_router::end_call(std::unordered_map<uint64_t, call_state>::iterator call,
                                                time_point now) {
  const auto state = call->second;
  calls_.erase(call);
  auto& m = state_of(state.member);
  m.counts.in_flight--;
  m.silent_since = now;
  if (state.is_trial) m.is_tried = false;
  if (auto* search = search_of(state)) search->slices[state.slice_at].in_flight--;
  return state;
}

void slice_router::note_word(member_state& m, time_point now) {
  m.silent_since = now;
  m.is_pinged = false;
}

void slice_router::heard(member_number member, time_point now) {
  const auto found = members_.find(member);
  if (found == members_.end()) return;
  note_word(found->second, now);
  if (!found->second.out_until) return;
  if (found->second.is_silent) {
    take_back(member);
  } else {
    // A search may tell whether it is well again.
    found->second.out_until = std::min(*found->second.out_until, now);
  }
  look_at_waiting(now);
}

void slice_router::answered(uint64_t call, slice_answer answer, time_point now) {
  const auto found = calls_.find(call);
  if (found == calls_.end()) return;
  const auto asked = found->second;
  auto* const search = search_of(asked);
  if (search) {
    const auto& part = search->slices[asked.slice_at].part;
    if (const auto foreign = find_foreign(answer, part)) {
      failed(call,
             error(errc::corrupt_data, "slice " + part.text() + " answered with document " +
                                           std::to_string(*foreign) + ", which is of another slice"),
             now);
      return;
    }
    if (answer.version < search->asked.min_version) {
      failed(call,
             error(errc::corrupt_data, "slice " + part.text() + " answered at version " +
                                           std::to_string(answer.version) + ", asked for " +
                                           std::to_string(search->asked.min_version)),
             now);
      return;
    }
  }
  end_call(found, now);
  auto& m = state_of(asked.member);
  note_word(m, now);
  m.latency.add(now - asked.began);
  m.version = std::max(m.version, answer.version);
  m.delays.reset();
  if (m.out_until) {
    take_back(asked.member);
    look_at_waiting(now);
  }
  if (!search) return;
  auto& part = search->slices[asked.slice_at];
  if (part.answer) return;
  part.answer = std::move(answer);
  if (--search->num_open == 0) finish(asked.search);
}

void slice_router::failed(uint64_t call, const error& why, time_point now) {
  const auto found = calls_.find(call);
  if (found == calls_.end()) return;
  const auto asked = end_call(found, now);
  if (is_of_the_member(why.code())) {
    leave_out(asked.member, why.what(), false, now);
  } else if (why.code() != errc::request_timeout) {
    note_word(state_of(asked.member), now);
  }
  auto* const search = search_of(asked);
  if (!search) return;
  if (is_of_the_query(why.code())) {
    refuse(asked.search, why);
    return;
  }
  search->slices[asked.slice_at].failure = why;
  ask_another(asked.search, asked.slice_at, now);
}

void slice_router::leave_out(member_number member, const std::string& why, bool is_silent, time_point now) {
  auto& m = state_of(member);
  m.counts.failures++;
  totals_.failures++;
  m.is_silent = is_silent;
  // Those that were asked together fail together: that is one failure.
  if (m.out_until && now < *m.out_until) return;
  m.out_until = now + m.delays.next();
  const bool is_news = m.counts.left_out.empty();
  m.counts.left_out = why;
  if (is_news) effects_.left_out(member, why);
}

void slice_router::take_back(member_number member) {
  auto& m = members_.at(member);
  m.out_until.reset();
  m.counts.left_out.clear();
  effects_.left_out(member, "");
}

void slice_router::close_slice(uint64_t number, size_t slice_at, time_point now) {
  auto& search = searches_.at(number);
  const auto& part = search.slices[slice_at];
  if (is_passing(part.failure->code()) && may_wait(search, now)) {
    search.failure = part.failure;
    begin(number, now);
    return;
  }
  if (!search.asked.allow_partial) {
    refuse(number, slice_error(part.part, *part.failure));
    return;
  }
  search.missing.push_back(part.part);
  if (--search.num_open == 0) finish(number);
}

void slice_router::finish(uint64_t number) {
  const auto ended = searches_.extract(number);
  auto& search = ended.mapped();
  std::vector<slice_answer> answers;
  routed_answer out;
  for (auto& part : search.slices) {
    if (part.answer) answers.push_back(std::move(*part.answer));
  }
  if (answers.empty()) {
    const auto& last = search.slices.back();
    effects_.refused(number, error(last.failure ? code_for_client(last.failure->code()) : errc::search_timeout,
                                   named(search.missing) + ": no replica answers"));
    return;
  }
  out.version = std::ranges::min_element(answers, {}, &slice_answer::version)->version;
  out.results = merge_answers(answers, search.asked.limit, search.asked.score_pct);
  out.missing = std::move(search.missing);
  std::ranges::sort(out.missing);
  effects_.finished(number, std::move(out));
}

void slice_router::refuse(uint64_t number, const error& why) {
  searches_.erase(number);
  waiting_.erase(number);
  effects_.refused(number, why);
}

void slice_router::end_late(uint64_t number, time_point now) {
  const auto found = searches_.find(number);
  if (found == searches_.end()) return;
  auto& search = found->second;
  if (waiting_.contains(number)) {
    refuse_unserved(number, tiling(search.asked, now).fault);
    return;
  }
  std::vector<slice> late;
  for (const auto& part : search.slices) {
    if (!part.answer && std::ranges::find(search.missing, part.part) == search.missing.end())
      late.push_back(part.part);
  }
  if (search.asked.allow_partial) {
    search.missing.insert(search.missing.end(), late.begin(), late.end());
    finish(number);
  } else {
    refuse(number, error(errc::search_timeout, named(late) + ": no answer in time"));
  }
}

void slice_router::cancel(uint64_t search) {
  searches_.erase(search);
  waiting_.erase(search);
}

void slice_router::set_timer(time_point when, timer kind, uint64_t of) {
  const bool is_first = timers_.empty() || when < std::get<0>(*timers_.begin());
  timers_.emplace(when, kind, of);
  if (is_first) effects_.wake_at(when);
}

void slice_router::look(time_point now) {
  while (!timers_.empty() && std::get<0>(*timers_.begin()) <= now) {
    const auto [when, kind, of] = *timers_.begin();
    timers_.erase(timers_.begin());
    switch (kind) {
      case timer::hedge:
        hedge(of, now);
        break;
      case timer::silence:
        look_at_silence(static_cast<member_number>(of), now);
        break;
      case timer::settling:
        settle(now);
        break;
      case timer::deadline:
        end_late(of, now);
        break;
    }
  }
  if (!timers_.empty()) effects_.wake_at(std::get<0>(*timers_.begin()));
}

slice_router::member_report slice_router::report(member_number member, time_point now) const {
  const auto found = members_.find(member);
  if (found == members_.end()) return {};
  auto out = found->second.counts;
  if (found->second.out_until && now >= *found->second.out_until) out.left_out.clear();
  out.mean = found->second.latency.mean();
  out.percentile_95 = found->second.latency.percentile_95();
  return out;
}

}  // namespace fp
