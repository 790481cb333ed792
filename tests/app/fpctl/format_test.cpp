#include "app/fpctl/format.hpp"

#include <gtest/gtest.h>
#include <algorithm>

#include <sstream>

#include "app/fpctl/progress_meter.hpp"

namespace fp::ctl {
namespace {

using namespace std::chrono_literals;

TEST(format, groups_digits) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1'000), "1,000");
  EXPECT_EQ(grouped(123'456), "123,456");
  EXPECT_EQ(grouped(UINT64_MAX), "18,446,744,073,709,551,615");
}

TEST(format, writes_sizes) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(1023), "1023 B");
  EXPECT_EQ(bytes_text(1024), "1.0 KiB");
  EXPECT_EQ(bytes_text(1536), "1.5 KiB");
  EXPECT_EQ(bytes_text(10 << 20), "10 MiB");
  EXPECT_EQ(bytes_text((1 << 20) - 1), "1.0 MiB");
  EXPECT_EQ(bytes_text(UINT64_MAX), "16 EiB");
}

TEST(format, writes_durations) {
  EXPECT_EQ(duration_text(0us), "0.0 ms");
  EXPECT_EQ(duration_text(-5us), "0.0 ms");
  EXPECT_EQ(duration_text(1'250us), "1.2 ms");
  EXPECT_EQ(duration_text(9'960us), "10 ms");
  EXPECT_EQ(duration_text(999'600us), "1.0 s");
  EXPECT_EQ(duration_text(59'960ms), "0:01:00");
  EXPECT_EQ(duration_text(3'723s), "1:02:03");
  EXPECT_EQ(duration_text(90'061s), "1 d 1:01:01");
}

TEST(format, writes_shares) {
  EXPECT_EQ(percent_text(1, 3), "33.3 %");
  EXPECT_EQ(percent_text(3, 3), "100.0 %");
  EXPECT_EQ(percent_text(0, 0), "-");
  EXPECT_EQ(percent_text(399'999, 400'000), "99.9 %");
  EXPECT_EQ(percent_text(UINT64_MAX - 1, UINT64_MAX), "99.9 %");
  EXPECT_EQ(percent_text(3, 2), "150.0 %");
}

TEST(format, makes_text_safe_for_a_terminal) {
  EXPECT_EQ(safe("a\x1b[31mb\n\xff"), "a\\x1b[31mb\\n\\xff");
  EXPECT_EQ(safe("Motörhead"), "Motörhead");
  EXPECT_EQ(safe(std::string(5'000, 'x')).size(), 5'000u);
}

TEST(format, aligns_columns) {
  table t({{"name"}, {"n", align::right}, {"note"}});
  t.add({"ä", "1,000", ""});
  t.add({"long name", "5", "x\ty"});
  std::ostringstream out;
  t.print(out);
  EXPECT_EQ(out.str(),
            "name           n  note\n"
            "ä          1,000\n"
            "long name      5  x\\ty\n");
}

TEST(format, keeps_widths_when_rows_come_in_parts) {
  table t({{"id", align::right, 4}, {"x"}});
  std::ostringstream out;
  t.add({"123456", "a"});
  t.print(out);
  EXPECT_TRUE(t.empty());
  t.add({"1", "b"});
  t.print(out);
  EXPECT_EQ(out.str(), "    id  x\n123456  a\n     1  b\n");
}

TEST(format, aligns_fields) {
  std::ostringstream out;
  print_fields(out, {{"a", "1\n"}, {"long", ""}, {"ö", "2"}});
  EXPECT_EQ(out.str(), "a     1\\n\nlong\nö     2\n");
}

class progress_test : public testing::Test {
 protected:
  progress_meter make(bool terminal) {
    return progress_meter(err, terminal, "documents", [this] { return now; });
  }
  size_t lines() const { return static_cast<size_t>(std::ranges::count(err.str(), '\n')); }

  std::ostringstream err;
  progress_meter::clock::time_point now{1h};
};

TEST_F(progress_test, tells_rate_and_time_left) {
  EXPECT_EQ(progress_meter::text_of({25, 100, 1'000}, "documents", 2s), " 25 %  1,000 documents  500/s  ETA 6.0 s");
  EXPECT_EQ(progress_meter::text_of({100, 100, 1'000}, "documents", 2s), "100 %  1,000 documents  500/s");
  EXPECT_EQ(progress_meter::text_of({5, {}, 10}, "documents", 0s), "10 documents");
}

TEST_F(progress_test, prints_a_line_at_every_tenth) {
  auto meter = make(false);
  for (uint64_t i = 0; i <= 1'000; i++) meter.update({i, 1'000, i});
  EXPECT_EQ(lines(), 10u);
  EXPECT_EQ(err.str().find('\r'), std::string::npos);
}

TEST_F(progress_test, prints_fewer_and_fewer_lines_when_the_end_is_unknown) {
  auto meter = make(false);
  for (uint64_t i = 0; i < 10'000; i++) meter.update({i, {}, i});
  EXPECT_EQ(lines(), 4u);  // at 1024, 2048, 4096, 8192
}

TEST_F(progress_test, draws_one_line_on_a_terminal_and_wipes_it) {
  {
    auto meter = make(true);
    for (int i = 0; i < 100; i++) meter.update({50, 100, 7});
    EXPECT_EQ(err.str(), "\r\x1b[K[############............]  50 %  7 documents");
    now += 1s;
    meter.update({100, 100, 9});
    EXPECT_NE(err.str().find("[########################] 100 %  9 documents  9/s"), std::string::npos);
  }
  EXPECT_TRUE(err.str().ends_with("\r\x1b[K"));
  EXPECT_EQ(lines(), 0u);
}

}  // namespace
}  // namespace fp::ctl
