#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "tests/app/postgres/postgres_changelog_fixture.hpp"

namespace fp {
namespace {

using test::append_of;
using test::documents_in;
using test::inserts;
using test::soon;

class postgres_model_test : public test::postgres_changelog_test {};

/// Writers with and without expected versions, followers, and retention, each over a connection of its own; beside
/// a map of what was acknowledged.
TEST_F(postgres_model_test, is_one_sequence_to_all_who_write_and_follow) {
  constexpr int num_writers = 4, num_lineages = 2, calls_a_writer = 60;
  std::vector<lineage> lineages;
  for (int i = 0; i < num_lineages; i++) lineages.push_back(make("index" + std::to_string(i)));
  std::mutex mutex;
  std::vector<std::map<feed_position, document_id>> acknowledged(num_lineages);
  std::atomic<int> writers_left = num_writers, mismatches = 0, below_retention = 0;

  std::vector<std::jthread> writers;
  for (int w = 0; w < num_writers; w++) {
    writers.emplace_back([&, w] {
      postgres_changelog mine(url);
      std::mt19937 random(static_cast<unsigned>(w));
      std::vector<feed_position> known(num_lineages);
      document_id next = static_cast<document_id>(w) * 1'000'000 + 1;
      for (int c = 0; c < calls_a_writer; c++) {
        const auto i = random() % num_lineages;
        std::vector<feed_append> appends;
        std::vector<std::vector<document_id>> documents;
        for (auto n = 1 + random() % 8; n > 0; n--) {
          documents.emplace_back(1 + random() % 3);
          for (auto& d : documents.back()) d = next++;
          appends.push_back(append_of(inserts(documents.back())));
          if (random() % 2 == 0) appends.back().expected = known[i] + (random() % 8 == 0);
        }
        const auto answers = mine.append(lineages[i], appends, soon());
        const std::lock_guard lock(mutex);
        for (size_t a = 0; a < answers.size(); a++) {
          if (answers[a].status == changelog_status::mismatch) {
            EXPECT_NE(answers[a].position, *appends[a].expected);
            mismatches++;
          } else {
            ASSERT_TRUE(answers[a].is_done()) << answers[a].why;
            auto position = answers[a].position - documents[a].size();
            if (appends[a].expected) {
              EXPECT_EQ(position, *appends[a].expected);
            }
            for (const auto d : documents[a]) EXPECT_TRUE(acknowledged[i].emplace(++position, d).second);
          }
          known[i] = answers[a].position;
        }
      }
      writers_left--;
    });
  }
  std::vector<std::jthread> followers;
  for (size_t f = 0; f < 2 * num_lineages; f++) {
    followers.emplace_back([&, i = f % num_lineages, truncates = f < num_lineages] {
      postgres_changelog mine(url);
      std::mt19937 random(static_cast<unsigned>(100 + i));
      std::map<feed_position, document_id> got;
      feed_position at = 0;
      std::optional<uint64_t> tag;
      for (;;) {
        const bool is_last = writers_left == 0;
        const auto r =
            mine.read(lineages[i], at, {.max_changes = 1 + static_cast<uint32_t>(random() % 20)}, tag, soon());
        if (r.status == changelog_status::below_retention) {
          ASSERT_FALSE(truncates);
          below_retention++;
          at = mine.bounds(lineages[i], soon()).floor;
          tag.reset();
          got.clear();
          continue;
        }
        ASSERT_TRUE(r.is_done()) << r.why;
        const auto documents = documents_in(r.changes);
        ASSERT_EQ(documents.size(), r.positions.size());
        for (size_t k = 0; k < documents.size(); k++) EXPECT_EQ(r.positions[k], at + k + 1);
        for (size_t k = 0; k < documents.size(); k++) got[r.positions[k]] = documents[k];
        EXPECT_GE(r.newest, r.positions.empty() ? at : r.positions.back());
        if (!r.positions.empty()) {
          at = r.positions.back();
          tag = r.tag;
        } else if (is_last) {
          break;
        }
        if (truncates && random() % 8 == 0) {
          EXPECT_TRUE(mine.truncate(lineages[i], at - at / 4, soon()).is_done());
        }
      }
      const std::lock_guard lock(mutex);
      const auto first = got.empty() ? at + 1 : got.begin()->first;
      EXPECT_EQ(got, (decltype(got)(acknowledged[i].lower_bound(first), acknowledged[i].end())));
      if (truncates) {
        EXPECT_EQ(first, 1);
      }
    });
  }
  writers.clear();
  followers.clear();
  EXPECT_GT(mismatches, 0);
  RecordProperty("below_retention", below_retention);
  for (int i = 0; i < num_lineages; i++) {
    EXPECT_EQ(log.bounds(lineages[i], soon()).newest, acknowledged[i].rbegin()->first);
  }
}

TEST_F(postgres_model_test, creates_an_index_once_for_all_who_ask) {
  constexpr int num_threads = 4, num_names = 20;
  std::mutex mutex;
  std::map<std::string, std::vector<feed_position>> generations;
  std::vector<std::jthread> threads;
  for (int t = 0; t < num_threads; t++) {
    threads.emplace_back([&] {
      postgres_changelog mine(url);
      for (int n = 0; n < num_names; n++) {
        const auto name = "index" + std::to_string(n);
        const auto a = mine.create_index(name, soon());
        EXPECT_TRUE(a.is_done()) << a.why;
        const std::lock_guard lock(mutex);
        generations[name].push_back(a.position);
      }
    });
  }
  threads.clear();
  for (const auto& [name, all] : generations) {
    for (const auto g : all) EXPECT_EQ(g, all.front()) << name;
  }
  const auto feed = log.read_meta(0, 1'000, soon());
  ASSERT_EQ(feed.operations.size(), static_cast<size_t>(num_names));
  for (size_t i = 0; i < feed.operations.size(); i++) EXPECT_EQ(feed.operations[i].position, i + 1);
}

}  // namespace
}  // namespace fp
