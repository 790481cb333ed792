#include "core/segment/read_ahead.hpp"

#include <gtest/gtest.h>
#include <algorithm>

#include <random>

#include "core/merge/merge.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

/// Passes everything on, and notes what will be read.
class noting_segment final : public segment {
 public:
  noting_segment(segment_ptr real, std::vector<std::byte> bytes)
      : real_(std::move(real)), bytes_(std::move(bytes)) {}

  const segment_info& info() const noexcept override { return real_->info(); }
  const std::string& name() const noexcept override { return real_->name(); }
  segment_storage storage() const noexcept override { return real_->storage(); }
  std::span<const std::byte> bytes() const noexcept override { return bytes_; }
  const posting_table& postings() const noexcept override { return real_->postings(); }
  hash_value hash_mask() const noexcept override { return real_->hash_mask(); }
  const document_table& document_states() const noexcept override { return real_->document_states(); }
  const doc_set& documents() const noexcept override { return real_->documents(); }
  const doc_set& tombstones() const noexcept override { return real_->tombstones(); }
  std::optional<document_state> find(document_id id) const override { return real_->find(id); }
  const metadata_list& metadata() const noexcept override { return real_->metadata(); }
  void require_readable() const override { real_->require_readable(); }
  void verify(const cancel_flag* cancel) const override { real_->verify(cancel); }
  void will_read(std::span<const std::byte> bytes) const noexcept override {
    asked.emplace_back(static_cast<size_t>(bytes.data() - bytes_.data()), bytes.size());
  }

  mutable std::vector<std::pair<size_t, size_t>> asked;  ///< offsets and lengths

 private:
  segment_ptr real_;
  std::vector<std::byte> bytes_;
};

TEST(read_ahead_test, asks_for_every_byte_once_and_for_two_windows_at_most) {
  std::mt19937_64 random(1);
  const auto real = test::make_segment(test::make_commit(1, {{1, {1}}}));
  for (int round = 0; round < 100; round++) {
    const size_t size = random() % (7 * read_ahead::window) + 1;
    const size_t max_step = size_t{1} << (random() % 23);
    const noting_segment s(real, std::vector<std::byte>(size));
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
