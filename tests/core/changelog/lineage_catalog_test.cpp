#include "core/changelog/lineage_catalog.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <vector>

#include "core/base/error.hpp"

namespace fp {
namespace {

using std::chrono::milliseconds;
using time_point = lineage_catalog::time_point;
using kind = meta_operation::kind;

class told_catalog : public catalog_effects {
 public:
  void read_meta(feed_position after) override { reads.push_back(after); }
  void create(const std::string& index, uint64_t generation) override {
    done.push_back(index + " " + std::to_string(generation));
  }
  void erase(const std::string& index) override { done.push_back("-" + index); }
  void parked(const std::string& index, const std::string& why) override { parks[index] = why; }
  void caught_up() override { num_caught_up++; }
  void wake_at(time_point when) override { wake = when; }
  void feed_failed(const std::string& why) override { failures.push_back(why); }

  std::vector<feed_position> reads;
  std::vector<std::string> done;
  std::map<std::string, std::string> parks;
  std::vector<std::string> failures;
  std::optional<time_point> wake;
  int num_caught_up = 0;
};

class lineage_catalog_test : public ::testing::Test {
 protected:
  void start(const std::map<std::string, uint64_t>& local) {
    catalog.emplace(lineage_catalog::options{milliseconds(1'000), 3}, told);
    catalog->start(local, now);
  }
  void tell(std::vector<meta_operation> operations) {
    meta_operations answer;
    answer.operations = std::move(operations);
    catalog->read_done(answer, now);
  }
  /// All that the feed holds, and its end.
  void feed(std::vector<meta_operation> operations) {
    if (!operations.empty()) tell(std::move(operations));
    tell({});
  }
  void later(milliseconds time) {
    now += time;
    catalog->look(now);
  }

  told_catalog told;
  std::optional<lineage_catalog> catalog;
  time_point now{std::chrono::hours(1)};
};

TEST_F(lineage_catalog_test, makes_what_the_feed_said_last) {
  start({});
  tell({{1, kind::create, "a"}, {2, kind::create, "b"}, {3, kind::erase, "a"}, {4, kind::create, "a"}});
  EXPECT_TRUE(told.done.empty()) << "the rest of the feed may say something else";
  tell({{5, kind::erase, "b"}});
  tell({});
  EXPECT_EQ(told.done, (std::vector<std::string>{"a 4"}));
  EXPECT_EQ(told.num_caught_up, 1);
  EXPECT_EQ(told.reads, (std::vector<feed_position>{0, 4, 5}));
}

TEST_F(lineage_catalog_test, follows_what_comes) {
  start({});
  feed({{1, kind::create, "a"}});
  catalog->done("a");
  later(milliseconds(1'000));
  tell({{2, kind::erase, "a"}});
  EXPECT_EQ(told.done.back(), "-a");
  tell({{3, kind::create, "a"}});
  EXPECT_EQ(told.done.size(), 2u) << "one thing at a time";
  catalog->done("a");
  EXPECT_EQ(told.done.back(), "a 3");
}

TEST_F(lineage_catalog_test, an_index_that_was_made_anew_goes_before_the_new_one_comes) {
  start({{"a", 1}});
  feed({{1, kind::create, "a"}, {2, kind::erase, "a"}, {3, kind::create, "a"}});
  EXPECT_EQ(told.done, (std::vector<std::string>{"-a"}));
  catalog->done("a");
  EXPECT_EQ(told.done.back(), "a 3");
  catalog->done("a");
  EXPECT_EQ(told.done.size(), 2u);
  EXPECT_TRUE(catalog->parked().empty());
}

TEST_F(lineage_catalog_test, deletes_nothing_because_a_feed_lacks_it) {
  const std::vector<std::vector<meta_operation>> feeds = {
      {},                                                                       // emptied
      {{1, kind::create, "b"}},                                                 // never heard of it
      {{1, kind::create, "a"}},                                                 // went back, or another one
      {{1, kind::create, "a"}, {2, kind::erase, "a"}},                          // the end of another life of it
      {{1, kind::create, "a"}, {6, kind::erase, "a"}, {7, kind::create, "a"}},  // a later life, not of ours
  };
  for (const auto& operations : feeds) {
    told = {};
    start({{"a", 5}});
    feed(operations);
    for (const auto& what : told.done) EXPECT_EQ(what, "b 1");
    EXPECT_NE(told.parks["a"].find("does not know generation 5"), std::string::npos);
  }
}

TEST_F(lineage_catalog_test, an_index_of_its_own_is_left_alone) {
  start({{"a", 0}});
  feed({{1, kind::create, "a"}, {2, kind::create, "b"}});
  EXPECT_EQ(told.done, (std::vector<std::string>{"b 2"}));
  EXPECT_NE(told.parks["a"].find("own"), std::string::npos);
}

TEST_F(lineage_catalog_test, what_somebody_deletes_here_is_made_again_if_the_feed_has_it) {
  start({{"a", 5}, {"b", 0}});
  feed({{1, kind::create, "a"}});
  EXPECT_EQ(catalog->parked().size(), 2u);
  catalog->removed("a");
  catalog->removed("b");
  EXPECT_EQ(told.done, (std::vector<std::string>{"a 1"}));
  EXPECT_TRUE(catalog->parked().empty());
}

TEST_F(lineage_catalog_test, names_that_nobody_can_have_hold_up_nothing) {
  start({});
  feed({{1, kind::create, "bad%20name"},
        {2, kind::create, ""},
        {3, kind::create, "_health"},
        {4, kind::create, "a"}});
  EXPECT_EQ(told.done, (std::vector<std::string>{"a 4"}));
  EXPECT_EQ(catalog->parked().size(), 3u);
  EXPECT_NE(told.parks["bad%20name"].find("bad%20name"), std::string::npos);
}

TEST_F(lineage_catalog_test, what_fails_is_tried_again_and_holds_up_nothing) {
  start({});
  feed({{1, kind::create, "a"}, {2, kind::create, "b"}});
  catalog->failed("a", "the disk is full", now);
  EXPECT_EQ(told.parks["a"], "the disk is full");
  catalog->done("b");
  later(milliseconds(100));
  EXPECT_EQ(told.done, (std::vector<std::string>{"a 1", "b 2", "a 1"}));
  catalog->done("a");
  EXPECT_EQ(told.parks["a"], "");
}

TEST_F(lineage_catalog_test, a_feed_that_fails_is_asked_again_from_where_it_was) {
  start({});
  tell({{1, kind::create, "a"}});
  const auto failed = refused<meta_operations>(changelog_status::unavailable, "refused");
  catalog->read_done(failed, now);
  EXPECT_EQ(told.failures, (std::vector<std::string>{"refused"}));
  later(milliseconds(100));
  EXPECT_EQ(told.reads.back(), 1u);
  catalog->read_done(failed, now);
  EXPECT_EQ(told.failures.size(), 1u) << "it is told once";
  later(milliseconds(200));
  tell({});
  EXPECT_EQ(told.failures.back(), "");
  EXPECT_EQ(told.done, (std::vector<std::string>{"a 1"}));
}

TEST_F(lineage_catalog_test, positions_that_do_not_ascend_count_for_nothing) {
  start({});
  tell({{2, kind::create, "a"}, {1, kind::erase, "a"}});
  EXPECT_EQ(catalog->position(), 0u);
  EXPECT_NE(told.failures.back().find("out of order"), std::string::npos);
}

TEST_F(lineage_catalog_test, is_in_a_hurry_when_the_feed_is_known_to_go_on) {
  start({});
  feed({});
  EXPECT_EQ(told.reads.size(), 1u);
  catalog->hurry(now);
  EXPECT_EQ(told.reads.size(), 2u);
  // Heard while it reads: what was asked may be from before.
  catalog->hurry(now);
  tell({});
  EXPECT_EQ(told.reads.size(), 3u);
}

TEST_F(lineage_catalog_test, tells_a_person_which_generation_there_should_be) {
  const auto code = [&](const std::string& index) {
    try {
      catalog->wanted_generation(index);
    } catch (const error& e) {
      return std::optional(e.code());
    }
    return std::optional<errc>();
  };
  start({{"a", 1}, {"own", 0}, {"lost", 3}, {"gone", 4}});
  EXPECT_EQ(code("a"), errc::changelog_unavailable) << "it has not told yet";
  feed({{4, kind::create, "gone"}, {5, kind::create, "a"}, {6, kind::create, "own"}, {7, kind::erase, "gone"}});
  EXPECT_EQ(catalog->wanted_generation("a"), 5u);
  EXPECT_EQ(code("own"), errc::bad_request);
  EXPECT_EQ(code("lost"), errc::index_not_found);
  EXPECT_EQ(code("never heard of"), errc::index_not_found);
  EXPECT_EQ(code("gone"), errc::index_not_found);
  EXPECT_EQ(catalog->parked().count("a"), 1u);
  catalog->replaced("a", 5);
  EXPECT_EQ(catalog->parked().count("a"), 0u);
  EXPECT_EQ(catalog->wanted_generation("a"), 5u);
  later(milliseconds(1'000));
  tell({{8, kind::erase, "a"}});
  EXPECT_EQ(told.done.back(), "-a") << "from here on it is one like any other";
  catalog->read_done(refused<meta_operations>(changelog_status::unavailable, "away"), now);
  later(milliseconds(1'000));
  catalog->read_done(refused<meta_operations>(changelog_status::unavailable, "away"), now);
  EXPECT_EQ(code("a"), errc::changelog_unavailable);
}

}  // namespace
}  // namespace fp
