#include "core/segment/read_ahead.hpp"

#include <gtest/gtest.h>
#include <algorithm>

#include <random>

#include "core/merge/merge.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/passing_segment.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

/// Has other bytes, and notes which of them will be read.
class reader_noting_segment final : public test::passing_segment {
 public:
  reader_noting_segment(segment_ptr real, std::vector<std::byte> bytes)
      : passing_segment(std::move(real)), bytes_(std::move(bytes)) {}

  std::span<const std::byte> bytes() const noexcept override { return bytes_; }
  void will_read(std::span<const std::byte> bytes) const noexcept override {
    asked.emplace_back(static_cast<size_t>(bytes.data() - bytes_.data()), bytes.size());
  }

  mutable std::vector<std::pair<size_t, size_t>> asked;  ///< offsets and lengths

 private:
  std::vector<std::byte> bytes_;
};

TEST(read_ahead_test, asks_for_every_byte_once_and_for_two_windows_at_most) {
  std::mt19937_64 random(1);
  const auto real = test::make_segment(test::make_commit(1, {{1, {1}}}));
  for (int round = 0; round < 100; round++) {
    const size_t size = random() % (7 * read_ahead::window) + 1;
    const size_t max_step = size_t{1} << (random() % 23);
    const reader_noting_segment s(real, std::vector<std::byte>(size));
    read_ahead ahead(s);
    size_t at = random() % size;
    const size_t first = at;
    for (;;) {
      ahead.reached(s.bytes().data() + at);
      ASSERT_FALSE(s.asked.empty());
      const size_t end = s.asked.back().first + s.asked.back().second;
      ASSERT_TRUE(at < end || at == size) << "not asked for";
      ASSERT_LE(end, at + 2 * read_ahead::window) << "too much at a time";
      if (at == size) break;
      at = std::min<size_t>(size, at + 1 + random() % std::min(max_step, read_ahead::window));
    }
    size_t expected = first;
    for (const auto& [offset, length] : s.asked) {
      ASSERT_EQ(offset, expected);
      expected += length;
    }
    ASSERT_EQ(expected, size);
  }
}

TEST(read_ahead_test, a_mapped_segment_reads_the_same_with_any_advice) {
  test::temporary_folder folder;
  const auto written =
      snapshot::from_segments({test::make_segment(test::make_commit(1, {{1, {1, 2}}, {7, {2, 3}}}))});
  const auto file = folder.path() / "a.seg";
  const auto s = merge_to_file(*written, 0, 1, posix_file_system(), file, load_mode::map);
  s->will_read(s->bytes());
  s->will_read(s->bytes().subspan(s->bytes().size()));
  s->will_read(s->bytes().subspan(100, 1));
  s->verify();
  EXPECT_TRUE(s->find(7));
}

}  // namespace
}  // namespace fp
