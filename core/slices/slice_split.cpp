#include "core/slices/slice_split.hpp"

#include <algorithm>
#include <tuple>

#include "core/base/error.hpp"
#include "core/slices/replica_map.hpp"

namespace fp {

namespace {

/// Deals the slices of one count to members.
class slice_dealer {
 public:
  explicit slice_dealer(uint32_t count) : slices_(count) {}

  void keep(const slice_holder& m) { add(m, m.part.number() - 1); }
  bool has_lacking() const { return fewest()->members.empty(); }
  /// Of the slices with the fewest replicas the first one.
  void give(const slice_holder& m) { change(m, static_cast<size_t>(fewest() - slices_.begin())); }

  /// Has the one that was the last to keep the slice with the most replicas hold one that has nobody.
  void take_from_fullest() {
    const auto most = std::ranges::max_element(slices_, {}, [](const tally& t) { return t.members.size(); });
    const auto* surplus = most->members.back();
    most->members.pop_back();
    if (!surplus->is_draining) most->lasting--;
    give(*surplus);
  }

  std::vector<slice_change> take_changes() { return std::move(changes_); }

 private:
  struct tally {
    std::vector<const slice_holder*> members;
    size_t lasting = 0;  ///< those of them that are not drained
  };

  std::vector<tally>::const_iterator fewest() const {
    return std::ranges::min_element(
        slices_, {}, [](const tally& t) { return std::tuple(!t.members.empty(), t.lasting, t.members.size()); });
  }
  void add(const slice_holder& m, size_t at) {
    slices_[at].members.push_back(&m);
    if (!m.is_draining) slices_[at].lasting++;
  }
  void change(const slice_holder& m, size_t at) {
    add(m, at);
    changes_.push_back({m.who, slice(static_cast<uint32_t>(at + 1), static_cast<uint32_t>(slices_.size()))});
  }

  std::vector<tally> slices_;
  std::vector<slice_change> changes_;
};

/// Whether somebody serves all of the index after each change.
bool stays_served(std::vector<slice_holder> members, std::span<const slice_change> changes) {
  return std::ranges::all_of(changes, [&](const slice_change& change) {
    std::vector<slice_replica> replicas;
    for (auto& m : members) {
      if (m.who == change.who) m.part = change.part;
      replicas.push_back({0, m.part, 0, m.serves});
    }
    return replica_map(replicas).choose_tiling([](const slice_replica& r) { return r.serves; }).is_whole();
  });
}

std::string slices_in(std::span<const slice_holder> members) {
  std::vector<slice> parts;
  for (const auto& m : members) parts.push_back(m.part);
  std::ranges::sort(parts);
  const auto [end, behind] = std::ranges::unique(parts);
  parts.erase(end, behind);
  std::string out = parts.size() == 1 ? "slice " : "slices ";
  for (size_t i = 0; i < parts.size(); ++i) out += (i == 0 ? "" : ", ") + parts[i].text();
  return out;
}

}  // namespace

std::vector<slice_change> plan_split(std::span<const slice_holder> members, const slice& part,
                                     std::span<const std::string> more) {
  const auto [first, second] = part.halves();
  const auto count = [&](const slice& wanted) {
    return std::ranges::count_if(members, [&](const slice_holder& m) { return m.serves && m.part == wanted; });
  };
  auto of_first = count(first), of_second = count(second);
  // Those that hold nothing of it begin: until the last of the others changes, it is served as a whole.
  std::vector<std::string> changing;
  for (const auto& who : more) {
    const bool holds_it = std::ranges::any_of(members, [&](const slice_holder& m) {
      return m.who == who && ((m.part == part && m.serves) || m.part == first || m.part == second);
    });
    if (!holds_it) changing.push_back(who);
  }
  for (const auto& m : members) {
    if (m.serves && m.part == part) changing.push_back(m.who);
  }
  if (count(part) == 0 && (of_first == 0 || of_second == 0)) {
    throw error(errc::bad_request, "no member that answers holds slice " + part.text());
  }
  std::vector<slice_change> out;
  for (const auto& who : changing) {
    const bool is_first = of_first <= of_second;
    (is_first ? of_first : of_second)++;
    out.push_back({who, is_first ? first : second});
  }
  if (of_first == 0 || of_second == 0) {
    throw error(errc::bad_request, "slice " + part.text() + " has one replica, and its halves need a member each");
  }
  return out;
}

std::vector<slice_change> plan_slices(std::span<const slice_holder> all, uint32_t count, bool is_written) {
  std::vector<slice_holder> members(all.begin(), all.end());
  std::erase_if(members, [](const slice_holder& m) { return !m.serves; });
  if (members.size() < slice(1, count).count()) {
    throw error(errc::bad_request, std::to_string(count) + " slices need a member each, and " +
                                       std::to_string(members.size()) + " can be asked");
  }
  const auto keeps = [&](const slice_holder& m) { return m.part.count() == count; };
  slice_dealer dealer(count);
  for (const bool is_draining : {true, false}) {
    for (const auto& m : members) {
      if (keeps(m) && m.is_draining == is_draining) dealer.keep(m);
    }
  }
  for (const auto& m : members) {
    if (!keeps(m) && !m.is_draining) dealer.give(m);
  }
  for (const auto& m : members) {
    if (!keeps(m) && m.is_draining && dealer.has_lacking()) dealer.give(m);
  }
  while (dealer.has_lacking()) dealer.take_from_fullest();
  auto changes = dealer.take_changes();
  if (is_written && !changes.empty() && !(std::ranges::any_of(members, keeps) && stays_served(members, changes))) {
    throw error(errc::index_already_exists, "it has been written to, in " + slices_in(members));
  }
  return changes;
}

}  // namespace fp
