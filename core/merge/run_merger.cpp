#include "core/merge/run_merger.hpp"

#include <algorithm>
#include <limits>
#include <queue>
#include <utility>

#include "core/base/error.hpp"
#include "core/merge/two_way_merge.hpp"

namespace fp {

namespace {

// Twice so many keys, and half as much again at both ends, are 384 KB at the most.
constexpr uint64_t max_range_keys = uint64_t{1} << 14;
// Ranges on their way: one for each thread, and some more. With few, helpers slept a third of the time: they were
// done before the next one was there.
constexpr size_t spare_ranges = 7;
// Consuming a range takes about a sixth of the time that merging and encoding it takes.
constexpr size_t max_helpers = 6;
constexpr uint64_t before_all = 0, behind_all = std::numeric_limits<uint64_t>::max();

}  // namespace

/// Merges one range after another, in memory of its own.
class run_merger::range_merge {
 public:
  explicit range_merge(const run_merger& of) : of_(of), rooms_(of.nodes_.size()) {}

  run_range& range() noexcept { return range_; }
  std::span<const uint64_t> keys() const noexcept { return keys_; }

  void run() {
    for (size_t i = 0; i < rooms_.size(); i++) {
      const node& n = of_.nodes_[i];
      if (n.is_leaf()) {
        const auto& [first, last] = range_.positions[n.run];
        rooms_[i] = static_cast<size_t>(last - first) + 2;
      } else {
        rooms_[i] = rooms_[n.first] + rooms_[n.second];
      }
    }
    const size_t room = rooms_.back();
    // What is out of order may lead a merge so far beside its keys.
    const size_t margin = room / 2 + 1;
    if (memory_.size() < 2 * (room + margin)) memory_.resize(2 * (room + margin));
    uint64_t* const to = memory_.data() + margin + 1;
    keys_ = {to, fill(of_.nodes_.size() - 1, to, to + room)};
  }

 private:
  /// Puts a node's keys at `to`, between a smaller one and a larger one, in the node's room, which begins with the
  /// smaller one; as much room at `spare` may be used.
  size_t fill(size_t number, uint64_t* to, uint64_t* spare) {
    const node& n = of_.nodes_[number];
    size_t count;
    if (n.is_leaf()) {
      const auto& [first, last] = range_.positions[n.run];
      count = of_.runs_[n.run]->read({range_.from, first}, last, to);
    } else {
      const size_t offset = rooms_[n.first];
      const size_t a = fill(n.first, spare, to), b = fill(n.second, spare + offset, to + offset);
      merge_two({spare, a}, {spare + offset, b}, to);
      count = a + b;
    }
    to[-1] = before_all;
    to[count] = behind_all;
    return count;
  }

  const run_merger& of_;
  run_range range_;
  std::vector<size_t> rooms_;  ///< by node: its keys, and one before and behind each run's
  std::vector<uint64_t> memory_;
  std::span<const uint64_t> keys_;
};

run_merger::run_merger(std::vector<std::unique_ptr<sorted_run>> runs) : runs_(std::move(runs)) {
  // Huffman's tree: each step joins the two shortest, so that the fewest keys pass through the most merges.
  using entry = std::pair<uint64_t, size_t>;
  std::priority_queue<entry, std::vector<entry>, std::greater<>> shortest;
  for (size_t i = 0; i < runs_.size(); i++) {
    nodes_.push_back({.run = i});
    shortest.emplace(runs_[i]->size(), i);
  }
  while (shortest.size() > 1) {
    const auto [a, first] = shortest.top();
    shortest.pop();
    const auto [b, second] = shortest.top();
    shortest.pop();
    shortest.emplace(a + b, nodes_.size());
    nodes_.push_back({.first = first, .second = second});
  }
}

run_merger::~run_merger() = default;

size_t run_merger::num_places(const helper_threads* helpers) noexcept {
  const size_t num_helpers = helpers != nullptr ? std::min(helpers->count(), max_helpers) : 0;
  return num_helpers > 0 ? 1 + num_helpers + spare_ranges : 1;
}

void run_merger::merge(helper_threads* helpers, const cancel_flag* cancel, const step& prepare,
                       const step& consume) {
  run_splitter splitter(runs_, std::max<uint64_t>(max_range_keys, runs_.size()));
  std::vector<range_merge> merges(num_places(helpers), range_merge(*this));
  task_line tasks(helpers);  // the last one: it waits for those who use the others
  const auto begin = [&](size_t place) {
    range_merge& merge = merges[place];
    if (!splitter.next(merge.range())) return;
    for (size_t i = 0; i < runs_.size(); i++) {
      runs_[i]->prepare({merge.range().from, merge.range().positions[i].first});
    }
    tasks.add([&merge, &prepare, place] {
      merge.run();
      prepare(place, merge.keys());
    });
  };
  for (size_t place = 0; place < merges.size(); place++) begin(place);
  for (size_t place = 0; !tasks.is_empty(); place = (place + 1) % merges.size()) {
    if (is_cancelled(cancel)) throw error(errc::cancelled, "merge: cancelled");
    tasks.finish_oldest();
    consume(place, merges[place].keys());
    begin(place);
  }
}

}  // namespace fp
