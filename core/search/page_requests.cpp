#include "core/search/page_requests.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "core/segment/posting_table.hpp"

namespace fp {

namespace {

/// Larger ones of a machine are asked for several times, smaller ones a few at a time.
constexpr uintptr_t page_bytes = 4096;
constexpr uint32_t units_of_a_look = 512;

bool lies_in(std::span<const std::byte> part, std::span<const std::byte> whole) {
  return !part.empty() && part.data() >= whole.data() && part.data() < whole.data() + whole.size();
}

}  // namespace

page_requests::page_requests(stop_condition& stop) : stop_(stop) { looks_.reserve(looks_a_round); }

void page_requests::ask(std::span<const snapshot::entry> entries, std::span<const hash_value> hashes,
                        unsigned probes) {
  // A round holds all segments: the more look-ups it has, the more of them wait for the disk at once.
  for (const hash_value hash : hashes) {
    for (const auto& e : entries) {
      const segment& of = *e.segment;
      if (!of.is_on_disk() || of.postings().size() == 0) continue;
      const hash_value mask = of.postings().split().mask();
      // Bits that no stored hash has differ anyway.
      const auto differing = static_cast<unsigned>(std::popcount(hash & ~mask));
      if (differing > probes) continue;
      const unsigned left = probes - differing;
      const hash_value nearest = hash & mask;
      add(of, nearest);
      for (hash_value rest = left > 0 ? mask : 0; rest != 0; rest &= rest - 1) {
        const hash_value one = rest & (~rest + 1);
        add(of, nearest ^ one);
        for (hash_value other = left > 1 ? (one - 1) & mask : 0; other != 0; other &= other - 1) {
          add(of, nearest ^ one ^ (other & (~other + 1)));
        }
      }
    }
  }
  finish_rounds();
}

void page_requests::add(const segment& of, hash_value hash) {
  if (looks_.size() == looks_a_round) finish_rounds();
  looks_.push_back({&of, of.postings().split().bucket(hash), 0});
}

void page_requests::finish_rounds() {
  std::ranges::sort(looks_, {}, [](const look& l) { return std::pair(l.of, l.bucket); });
  const auto same = [](const look& a, const look& b) { return a.of == b.of && a.bucket == b.bucket; };
  looks_.erase(std::unique(looks_.begin(), looks_.end(), same), looks_.end());

  for (const look& l : looks_) want(*l.of, l.of->postings().buckets().located_by(l.bucket));
  ask_for_wanted();
  for (look& l : looks_) {
    const bucket_directory& buckets = l.of->postings().buckets();
    l.located = buckets.locate(l.bucket);
    stop_.worked(units_of_a_look);
    want(*l.of, buckets.ranged_by(l.bucket, l.located));
  }
  ask_for_wanted();
  for (const look& l : looks_) {
    const posting_table& table = l.of->postings();
    const auto [first, last] = table.buckets().range(l.bucket, l.located);
    stop_.worked(units_of_a_look);
    if (first == last) continue;
    const std::byte* const begin = table.entries().address_of(first);
    const std::byte* const end = table.entries().address_of(last - 1) + sizeof(uint64_t);
    if (static_cast<uint64_t>(end - begin) <= max_bucket_bytes) want(*l.of, {begin, end});
  }
  ask_for_wanted();
  looks_.clear();
}

void page_requests::want(const segment& of, std::span<const std::byte> bytes) {
  if (!lies_in(bytes, of.bytes())) return;
  const auto begin = reinterpret_cast<uintptr_t>(bytes.data());
  const uintptr_t first = begin / page_bytes, last = (begin + bytes.size() - 1) / page_bytes;
  if (wanted_of_ == &of && first_ <= first && first <= last_ + 1) {
    last_ = std::max(last_, last);
    return;
  }
  ask_for_wanted();
  wanted_of_ = &of;
  first_ = first;
  last_ = last;
}

void page_requests::ask_for_wanted() {
  if (wanted_of_ == nullptr) return;
  const segment& of = *std::exchange(wanted_of_, nullptr);
  const auto bytes = of.bytes();
  const std::byte* const begin = std::max(bytes.data(), reinterpret_cast<const std::byte*>(first_ * page_bytes));
  const std::byte* const end =
      std::min(bytes.data() + bytes.size(), reinterpret_cast<const std::byte*>((last_ + 1) * page_bytes));
  of.will_read({begin, end});
}

}  // namespace fp
