#include "core/search/posting_lookup.hpp"

#include <utility>

#include "core/search/bucket_search.hpp"

namespace fp {

void posting_lookup::add(uint32_t segment, const posting_table& table, std::span<const hash_value> hashes) {
  const hash_split split = table.split();
  for (const hash_value h : hashes) {
    if (!split.holds(h)) continue;
    const uint32_t bucket = split.bucket(h);
    table.buckets().fetch(bucket);
    new_->lookups[new_->size++] = {&table, table.least_entry(split.tail(h)), segment, bucket, 0};
    if (new_->size == group_size) step();
  }
}

void posting_lookup::finish() {
  while (new_->size + fetched_->size + located_->size + ranged_->size > 0) step();
}

[[gnu::always_inline]] inline void posting_lookup::take_range(lookup& l) {
  const auto [first, last] = l.table->buckets().range(l.first, l.last);
  l.first = first;
  l.last = last;
  if (first == last) return;
  prefetch_entries(l.table->entries(), first, last);
}

template <bool Long>
[[gnu::always_inline]] inline void posting_lookup::search_entries(const lookup& l) {
  const auto found = [&](uint32_t first, uint32_t count) { out_.push_back({l.segment, first, count}); };
  if (!Long && l.last - l.first <= short_bucket) {
    find_short_run(*l.table, l.first, l.last, l.least, found);
  } else {
    find_run<Long>(*l.table, l.first, l.last, l.least, stop_, found);
  }
}

void posting_lookup::search_long(const lookup& l) { search_entries<true>(l); }

template <class F>
[[gnu::always_inline]] inline void posting_lookup::for_each_told(group& g, const F& f) {
  lookup* const end = g.lookups.data() + g.size;
  for (lookup* l = g.lookups.data(); l != end;) {
    const lookup* const first = l;
    do {
      f(*l++);
    } while (l != end && !stop_.wants_all());
    stop_.worked(units_of_a_step * static_cast<uint32_t>(l - first));
  }
}

void posting_lookup::step() {
  for_each_told(*fetched_, [](lookup& l) { l.last = l.table->buckets().locate(l.first); });
  for_each_told(*located_, [](lookup& l) { take_range(l); });
  for_each_told(*ranged_, [this](const lookup& l) {
    if (l.last - l.first > entries_of_a_page) [[unlikely]] {
      search_long(l);
    } else if (l.first != l.last) {
      search_entries<false>(l);
    }
  });

  ranged_->size = 0;
  group* const empty = ranged_;
  ranged_ = located_;
  located_ = fetched_;
  fetched_ = new_;
  new_ = empty;
}

}  // namespace fp
