#include "core/merge/posting_source.hpp"

#include <algorithm>
#include <tuple>

#include "core/base/bit_select.hpp"
#include "core/base/error.hpp"
#include "core/base/partition_point.hpp"
#include "core/segment/posting_table.hpp"
#include "core/segment/read_ahead.hpp"

namespace fp {

namespace {

constexpr uint64_t max_bitmap_range = uint64_t{1} << 26;  // 8 MB
constexpr uint64_t postings_per_cancel_check = uint64_t{1} << 16;

/// Has what a reader of postings comes to read from the disk in time.
class postings_ahead {
 public:
  explicit postings_ahead(const segment& s) : table_(s.postings()), buckets_(s), entries_(s) {}

  void reached(const bucket_walk& walk) noexcept {
    buckets_.reached(walk.address());
    entries_.reached(table_.entries().address_of(walk.position()));
  }

 private:
  const posting_table& table_;
  read_ahead buckets_, entries_;
};

void decode_started(const posting_table& table, bucket_walk& walk, std::span<uint64_t> out) noexcept {
  const posting_codec codec = table.codec();
  uint64_t at = walk.position();
  for (uint64_t& p : out) {
    const uint32_t bucket = walk.next_started();
    p = codec.posting_of(bucket, table.entries().word_at(at++));
  }
}

template <bool Quick>
[[gnu::always_inline]] inline void decode_counted(const posting_table& table, bucket_walk& walk,
                                                  std::span<uint64_t> out) noexcept {
  // Copies: the compiler cannot know that writing keys leaves them alone.
  const posting_codec codec = table.codec();
  const packed_array entries = table.entries();
  uint64_t at = walk.position();
  uint64_t* next = out.data();
  walk.for_each_counted(out.size(),
                        [&](uint64_t bucket) { *next++ = codec.posting_of<Quick>(bucket, entries.word_at(at++)); });
}

FP_WITH_BIT_INSTRUCTIONS void decode_quickly(const posting_table& from, bucket_walk& at,
                                             std::span<uint64_t> out) noexcept {
  decode_counted<true>(from, at, out);
}

/// The next postings, of which there must be so many.
void decode(const posting_table& from, bucket_walk& at, std::span<uint64_t> out) noexcept {
  if (!from.buckets().has_counts()) return decode_started(from, at, out);
  uses_bit_instructions ? decode_quickly(from, at, out) : decode_counted<false>(from, at, out);
}

/// Moves those that the filter does not hold to the front, and answers how many they are.
size_t leave_out(const document_filter& dropped, std::span<uint64_t> postings) noexcept {
  if (dropped.is_empty()) return postings.size();
  size_t kept = 0;
  for (const uint64_t p : postings) {
    postings[kept] = p;
    kept += !dropped.contains(posting_document(p));
  }
  return kept;
}

class posting_source final : public key_source {
 public:
  posting_source(const segment& s, const document_filter& dropped)
      : table_(s.postings()), dropped_(dropped), ahead_(s), walk_(table_.buckets()) {}

  size_t read(std::span<uint64_t> out) override {
    // Documents that are all dropped may empty a block: go on until something is left.
    for (;;) {
      const auto block = out.first(std::min<uint64_t>(out.size(), table_.size() - walk_.position()));
      if (block.empty()) return 0;
      ahead_.reached(walk_);
      decode(table_, walk_, block);
      if (const size_t kept = leave_out(dropped_, block); kept > 0) return kept;
    }
  }

 private:
  const posting_table& table_;
  const document_filter& dropped_;
  postings_ahead ahead_;
  bucket_walk walk_;
};

class posting_run final : public sorted_run {
 public:
  posting_run(const segment& s, const document_filter& dropped)
      : table_(s.postings()), dropped_(dropped), ahead_(s) {}

  uint64_t size() const noexcept override { return table_.size(); }
  uint64_t position_of(uint64_t key, const run_place& from, uint64_t limit) const noexcept override {
    const uint32_t bucket = bucket_of(key);
    if (bucket >= table_.buckets().num_buckets()) return size();
    uint64_t first, last;
    if (bucket == bucket_of(from.key)) {
      // A bucket that many documents are in is cut often: nobody counts them all each time.
      first = from.position;
      last = std::min(first + table_.buckets().count_from(bucket, first, limit), size());
    } else {
      std::tie(first, last) = table_.bucket_range(bucket);
    }
    return partition_point(first, last,
                           [&](uint64_t i) { return table_.posting_of(bucket, table_.entries()[i]) < key; });
  }
  size_t read(const run_place& from, uint64_t last, uint64_t* out) const override {
    if (from.position == last) return 0;
    const std::span<uint64_t> block(out, last - from.position);
    bucket_walk walk = walk_at(from);
    decode(table_, walk, block);
    return leave_out(dropped_, block);
  }
  void prepare(const run_place& from) noexcept override {
    if (from.position < size()) ahead_.reached(walk_at(from));
  }

 private:
  uint32_t bucket_of(uint64_t key) const noexcept { return table_.split().bucket(posting_hash(key)); }
  bucket_walk walk_at(const run_place& from) const noexcept {
    const uint64_t last_bucket = table_.buckets().num_buckets() - 1;
    return {table_.buckets(), static_cast<uint32_t>(std::min<uint64_t>(bucket_of(from.key), last_bucket)),
            from.position};
  }

  const posting_table& table_;
  const document_filter& dropped_;
  postings_ahead ahead_;
};

}  // namespace

document_filter::document_filter(const doc_set& set) {
  if (set.isEmpty()) return;
  set_ = &set;
  min_ = set.minimum();
  range_ = uint64_t{set.maximum()} - min_ + 1;
  if (range_ > max_bitmap_range) return;
  bits_.resize((range_ + 63) / 64);
  for (const document_id id : set) bits_[(id - min_) / 64] |= uint64_t{1} << ((id - min_) % 64);
}

std::unique_ptr<key_source> make_posting_source(const segment& s, const document_filter& dropped) {
  return std::make_unique<posting_source>(s, dropped);
}

std::unique_ptr<sorted_run> make_posting_run(const segment& s, const document_filter& dropped) {
  return std::make_unique<posting_run>(s, dropped);
}

uint64_t count_postings(const segment& s, const document_filter& dropped, const cancel_flag* cancel) {
  const posting_table& table = s.postings();
  if (dropped.is_empty()) return table.size();
  read_ahead ahead(s);
  uint64_t count = 0;
  for (uint64_t i = 0; i < table.size();) {
    if (is_cancelled(cancel)) throw error(errc::cancelled, "merge: cancelled");
    ahead.reached(table.entries().address_of(i));
    const uint64_t end = std::min(table.size(), i + postings_per_cancel_check);
    for (; i < end; i++) count += !dropped.contains(table.document_at(i));
  }
  return count;
}

}  // namespace fp
