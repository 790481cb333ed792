#include "tests/actors/faults/ledger.hpp"

#include <algorithm>
#include <utility>

namespace fp::test {

ledger::entry& ledger::changed(const std::string& name) {
  entry& e = entries_[name];
  e.possible.clear();
  return e;
}

void ledger::know(const std::string& name, state s) {
  entry& e = changed(name);
  e.known = std::move(s);
  e.sent.clear();
  e.others.clear();
}

void ledger::suspect(const std::string& name, state s) { changed(name).others.push_back(std::move(s)); }

void ledger::rule_out_absence(const std::string& name) {
  entry& e = changed(name);
  std::erase_if(e.others, [](const state& s) { return !s.has_value(); });
  if (e.known || e.others.empty()) return;
  e.known = std::move(e.others.front());
  e.others.erase(e.others.begin());
}

bool ledger::is_in_doubt(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return false;
  const entry& e = found->second;
  return !e.others.empty() || std::ranges::any_of(e.sent, &update::is_open);
}

void ledger::apply(naive_index& to, const update& u) const {
  const commit_id previous = to.version();
  to.apply({previous, next_version_(previous), u.changes});
}

uint64_t ledger::sent(const std::string& name, changes_ptr changes) {
  changed(name).sent.push_back({++num_sent_, std::move(changes), false});
  return num_sent_;
}

std::string ledger::acknowledged(const std::string& name, uint64_t number, commit_id version) {
  entry& e = changed(name);
  const auto done = std::ranges::find(e.sent, number, &update::number);
  if (done == e.sent.end() || !e.known) return name + ": an update of an index that was gone is acknowledged";
  // Those before it have failed, or are to be told of first: as many of them as the version says have happened.
  for (auto before = e.sent.begin();; ++before) {
    if (next_version_(e.known->version()) == version) break;
    if (before == done) {
      return name + ": commit " + std::to_string(version) + " is acknowledged, which cannot be";
    }
    apply(*e.known, *before);
  }
  apply(*e.known, *done);
  e.sent.erase(e.sent.begin(), done + 1);
  return {};
}

void ledger::refused(const std::string& name, uint64_t number) {
  std::erase_if(changed(name).sent, [&](const update& u) { return u.number == number; });
}

void ledger::left_open(const std::string& name, uint64_t number) {
  for (update& u : changed(name).sent) u.is_open |= u.number == number;
}

const ledger::state& ledger::last_known(const std::string& name) const {
  static const state none;
  const auto found = entries_.find(name);
  return found == entries_.end() ? none : found->second.known;
}

const std::vector<ledger::state>& ledger::possible(const std::string& name) const {
  static const std::vector<state> none{std::nullopt};
  const auto found = entries_.find(name);
  if (found == entries_.end()) return none;
  const entry& e = found->second;
  if (e.possible.empty()) {
    e.possible.push_back(e.known);
    if (e.known) {
      for (const update& u : e.sent) {
        e.possible.push_back(e.possible.back());
        apply(*e.possible.back(), u);
      }
    }
    e.possible.insert(e.possible.end(), e.others.begin(), e.others.end());
  }
  return e.possible;
}

std::vector<std::string> ledger::names() const {
  std::vector<std::string> all;
  for (const auto& [name, e] : entries_) all.push_back(name);
  return all;
}

}  // namespace fp::test
