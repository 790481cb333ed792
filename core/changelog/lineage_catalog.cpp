#include "core/changelog/lineage_catalog.hpp"

#include <algorithm>
#include <utility>

#include "core/base/error.hpp"
#include "core/base/printable.hpp"
#include "core/index/data_folder.hpp"

namespace fp {

lineage_catalog::lineage_catalog(const options& o, catalog_effects& effects)
    : options_(o), effects_(effects), delays_(o.seed) {}

void lineage_catalog::start(const std::map<std::string, uint64_t>& local, time_point now) {
  for (const auto& [index, generation] : local) entries_[index].local = generation;
  read_later(now);
  look(now);
}

void lineage_catalog::read_later(time_point when) {
  next_read_ = when;
  effects_.wake_at(when);
}

void lineage_catalog::hurry(time_point now) {
  hurries_ = true;
  if (reading_ || !failure_.empty()) return;
  next_read_ = now;
  look(now);
}

void lineage_catalog::look(time_point now) {
  if (!reading_ && next_read_) {
    if (now >= *next_read_) {
      next_read_.reset();
      reading_ = true;
      hurries_ = false;
      effects_.read_meta(position_);
    } else {
      effects_.wake_at(*next_read_);
    }
  }
  for (auto& [index, e] : entries_) {
    if (!e.next_try) continue;
    if (now < *e.next_try) {
      effects_.wake_at(*e.next_try);
      continue;
    }
    e.next_try.reset();
    decide(index, e);
  }
}

void lineage_catalog::read_done(const meta_operations& answer, time_point now) {
  if (!std::exchange(reading_, false)) return;
  std::string failure;
  if (!answer.is_done()) {
    failure = answer.why;
  } else {
    feed_position last = position_;
    for (const auto& operation : answer.operations) {
      if (operation.position <= last) {
        failure = "the meta feed answered with positions out of order, behind " + std::to_string(last);
        break;
      }
      last = operation.position;
    }
  }
  if (failure != failure_) effects_.feed_failed(failure_ = failure);
  if (!failure.empty()) {
    read_later(now + delays_.next());
    return;
  }
  delays_.reset();
  for (const auto& operation : answer.operations) {
    position_ = operation.position;
    note(operation);
  }
  if (answer.operations.empty() && !std::exchange(caught_up_, true)) {
    for (auto& [index, e] : entries_) decide(index, e);
    effects_.caught_up();
  } else if (caught_up_) {
    for (const auto& operation : answer.operations) decide(operation.index, entries_[operation.index]);
  }
  const bool goes_on = !answer.operations.empty() || hurries_;
  read_later(goes_on ? now : now + std::max(answer.retry_after, options_.poll));
  if (goes_on) look(now);
}

void lineage_catalog::note(const meta_operation& operation) {
  auto& e = entries_[operation.index];
  e.last = operation;
  if (operation.what == meta_operation::kind::create && e.local == operation.position) e.feed_knows_local = true;
}

void lineage_catalog::park(const std::string& index, entry& e, const std::string& why) {
  if (e.parked == why) return;
  e.parked = why;
  effects_.parked(index, why);
}

void lineage_catalog::decide(const std::string& index, entry& e) {
  if (e.is_running || e.next_try) return;
  if (!is_valid_index_name(index) || is_reserved_index_name(index)) {
    park(index, e, "no index can be called " + fp::quoted(index) + " here");
    return;
  }
  if (e.local == uint64_t{0}) {
    park(index, e, "the index is this node's own and follows no changelog");
    return;
  }
  if (e.local && !e.feed_knows_local) {
    park(index, e,
         "the changelog does not know generation " + std::to_string(*e.local) +
             ", which is here: it has been emptied, or is another one than before");
    return;
  }
  if (!e.last) return;
  const bool is_wanted = e.last->what == meta_operation::kind::create;
  const bool is_there = is_wanted && e.local == e.last->position;
  if (is_there || (!is_wanted && !e.local)) {
    park(index, e, "");
    return;
  }
  e.is_running = true;
  // One that has been made anew goes first.
  e.creating = e.local ? std::nullopt : std::optional<uint64_t>(e.last->position);
  if (e.creating) {
    effects_.create(index, *e.creating);
  } else {
    effects_.erase(index);
  }
}

void lineage_catalog::done(const std::string& index) {
  auto& e = entries_[index];
  if (!std::exchange(e.is_running, false)) return;
  e.delays.reset();
  e.local = std::exchange(e.creating, std::nullopt);
  e.feed_knows_local = e.local.has_value();
  decide(index, e);
}

void lineage_catalog::failed(const std::string& index, const std::string& why, time_point now) {
  auto& e = entries_[index];
  if (!std::exchange(e.is_running, false)) return;
  e.creating.reset();
  if (!e.delays) e.delays.emplace(options_.seed ^ std::hash<std::string>()(index));
  park(index, e, why);
  e.next_try = now + e.delays->next();
  effects_.wake_at(*e.next_try);
}

uint64_t lineage_catalog::wanted_generation(const std::string& index) const {
  if (!failure_.empty()) throw error(errc::changelog_unavailable, failure_);
  if (!caught_up_)
    throw error(errc::changelog_unavailable, "the changelog has not told yet which indexes there are");
  const auto found = entries_.find(index);
  if (found != entries_.end() && found->second.local == uint64_t{0}) {
    throw error(errc::bad_request, "index " + index + " is this node's own and no replica");
  }
  if (found == entries_.end() || !found->second.last || found->second.last->what != meta_operation::kind::create) {
    throw error(errc::index_not_found, "the changelog knows no index " + index);
  }
  if (found->second.is_running) {
    throw error(errc::index_not_ready, "index " + index + " is being made or deleted as the changelog says");
  }
  return found->second.last->position;
}

void lineage_catalog::replaced(const std::string& index, uint64_t generation) {
  auto& e = entries_[index];
  e.local = generation;
  e.feed_knows_local = true;
  e.next_try.reset();
  decide(index, e);
}

void lineage_catalog::removed(const std::string& index) {
  auto& e = entries_[index];
  e.local.reset();
  e.feed_knows_local = false;
  park(index, e, "");
  if (caught_up_) decide(index, e);
}

std::map<std::string, std::string> lineage_catalog::parked() const {
  std::map<std::string, std::string> out;
  for (const auto& [index, e] : entries_) {
    if (!e.parked.empty()) out.emplace(index, e.parked);
  }
  return out;
}

}  // namespace fp
