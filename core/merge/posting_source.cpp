#include "core/merge/posting_source.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "core/base/error.hpp"
#include "core/segment/posting_table.hpp"
#include "core/segment/read_ahead.hpp"

namespace fp {

namespace {

constexpr size_t block_keys = 1024;
// Beside a block: as far as keys that do not ascend can lead a merge, which begins at both ends of one at most as
// long.
constexpr size_t slack_keys = block_keys / 2 + 8;
constexpr uint64_t max_bitmap_range = uint64_t{1} << 26;  // 8 MB
constexpr uint64_t postings_per_cancel_check = uint64_t{1} << 16;

class posting_source final : public key_source {
 public:
  posting_source(const segment& s, const document_filter& dropped)
      : table_(s.postings()), dropped_(dropped), buckets_ahead_(s), entries_ahead_(s), walk_(table_.buckets()) {}

  size_t read(std::span<uint64_t> out) override {
    if (dropped_.is_empty()) return decode(out);
    // Documents that are all dropped may empty a block: go on until something is left.
    while (const size_t count = decode(out)) {
      size_t kept = 0;
      for (size_t i = 0; i < count; i++) {
        const uint64_t key = out[i];
        out[kept] = key;
        kept += !dropped_.contains(posting_document(key));
      }
      if (kept > 0) return kept;
    }
    return 0;
  }

 private:
  size_t decode(std::span<uint64_t> out) {
    buckets_ahead_.reached(walk_.address());
    entries_ahead_.reached(table_.entries().address_of(walk_.position()));
    return table_.buckets().has_counts() ? decode_by<true>(out) : decode_by<false>(out);
  }

  template <bool Counts>
  size_t decode_by(std::span<uint64_t> out) {
    // Copies: the compiler cannot know that writing keys leaves them alone.
    const posting_table table = table_;
    bucket_walk walk = walk_;
    const uint64_t first = walk.position(), count = std::min<uint64_t>(out.size(), table.size() - first);
    for (uint64_t i = 0; i < count; i++) {
      const uint32_t bucket = Counts ? walk.next_counted() : walk.next_started();
      out[i] = table.posting_of(bucket, table.entries()[first + i]);
    }
    walk_ = walk;
    return count;
  }

  const posting_table& table_;
  const document_filter& dropped_;
  read_ahead buckets_ahead_, entries_ahead_;
  bucket_walk walk_;
};

/// A source that is read through a buffer.
class buffered_source {
 public:
  explicit buffered_source(std::unique_ptr<key_source> source) : source_(std::move(source)) {}

  /// Makes sure that something is buffered; false at the end.
  bool fill() {
    if (begin_ == end_) {
      begin_ = slack_keys;
      end_ = begin_ + source_->read(std::span(buffer_).subspan(slack_keys, block_keys));
    }
    return begin_ < end_;
  }
  size_t size() const noexcept { return end_ - begin_; }
  /// With `slack_keys` of anything before and behind.
  const uint64_t* data() const noexcept { return buffer_.data() + begin_; }
  uint64_t last() const noexcept { return buffer_[end_ - 1]; }
  void consume(size_t count) noexcept { begin_ += count; }

 private:
  std::unique_ptr<key_source> source_;
  std::array<uint64_t, slack_keys + block_keys + slack_keys> buffer_{};
  size_t begin_ = slack_keys, end_ = slack_keys;
};

/// How many of the `count` smallest keys of two ascending lists, which hold as many, are of the first one. See
/// Odeh, Green, Mwassi, Shmueli, Birk: "Merge path" (2012).
size_t share_of_first(std::span<const uint64_t> a, std::span<const uint64_t> b, size_t count) {
  size_t low = count - std::min(count, b.size()), high = std::min(count, a.size());
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (a[middle] < b[count - 1 - middle]) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

class merged_source final : public key_source {
 public:
  merged_source(std::unique_ptr<key_source> a, std::unique_ptr<key_source> b)
      : a_(std::move(a)), b_(std::move(b)) {}

  size_t read(std::span<uint64_t> out) override {
    size_t count = 0;
    while (count < out.size()) {
      const bool has_a = a_.fill(), has_b = b_.fill();
      if (!has_a && !has_b) break;
      if (!has_a || !has_b) {
        buffered_source& rest = has_a ? a_ : b_;
        const size_t length = std::min(rest.size(), out.size() - count);
        std::memcpy(out.data() + count, rest.data(), length * sizeof(uint64_t));
        rest.consume(length);
        count += length;
        continue;
      }
      count += merge(out.subspan(count));
    }
    return count;
  }

 private:
  /// As many keys as neither side can bring a smaller one for, without a branch on their order. From both ends at
  /// once: each step waits for what the one before has read, and two such chains take as long as one.
  size_t merge(std::span<uint64_t> out) {
    const std::span<const uint64_t> a(a_.data(), a_.size()), b(b_.data(), b_.size());
    const bool a_ends_first = a_.last() < b_.last();
    const auto& longer = a_ends_first ? b : a;
    const auto whole = a_ends_first ? a.size() : b.size();
    const auto from_longer = std::lower_bound(longer.begin(), longer.end(), (a_ends_first ? a_ : b_).last());
    const size_t possible = whole + static_cast<size_t>(from_longer - longer.begin());
    const size_t count = std::min({possible, out.size(), block_keys});
    const size_t of_a = share_of_first(a, b, count), of_b = count - of_a;

    const uint64_t *a_front = a.data(), *b_front = b.data();
    const uint64_t *a_back = a_front + of_a - 1, *b_back = b_front + of_b - 1;
    uint64_t *front = out.data(), *back = front + count - 1;
    for (size_t i = 0; i < count / 2; i++) {
      const uint64_t x = *a_front, y = *b_front;
      const bool takes_b = y < x;
      *front++ = takes_b ? y : x;
      a_front += !takes_b;
      b_front += takes_b;
      const uint64_t v = *a_back, w = *b_back;
      const bool takes_a = w < v;
      *back-- = takes_a ? v : w;
      a_back -= takes_a;
      b_back -= !takes_a;
    }
    // The one in the middle is what is left on one side.
    if (count % 2 != 0) *front = a_front <= a_back ? *a_front : *b_front;
    a_.consume(of_a);
    b_.consume(of_b);
    return count;
  }

  buffered_source a_, b_;
};

class empty_source final : public key_source {
 public:
  size_t read(std::span<uint64_t>) override { return 0; }
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

std::unique_ptr<key_source> merge_sources(std::vector<std::unique_ptr<key_source>> sources,
                                          std::vector<uint64_t> sizes) {
  if (sources.empty()) return std::make_unique<empty_source>();
  // Huffman's tree: each step joins the two shortest, so that the fewest keys pass through the most merges.
  while (sources.size() > 1) {
    const auto move_smallest_to = [&](size_t target) {
      const auto smallest = static_cast<size_t>(
          std::min_element(sizes.begin(), sizes.begin() + static_cast<std::ptrdiff_t>(target) + 1) - sizes.begin());
      std::swap(sizes[smallest], sizes[target]);
      std::swap(sources[smallest], sources[target]);
    };
    move_smallest_to(sources.size() - 1);
    move_smallest_to(sources.size() - 2);
    auto& joined = sources[sources.size() - 2];
    joined = std::make_unique<merged_source>(std::move(joined), std::move(sources.back()));
    sizes[sizes.size() - 2] += sizes.back();
    sources.pop_back();
    sizes.pop_back();
  }
  return std::move(sources.front());
}

}  // namespace fp
