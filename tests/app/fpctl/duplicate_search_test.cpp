#include "app/fpctl/duplicate_search.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "app/fpctl/library_session.hpp"
#include "tests/app/support/client_options.hpp"
#include "tests/app/support/running_node.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp::ctl {
namespace {

std::vector<hash_value> music(unsigned seed) {
  std::mt19937 random(seed);
  std::vector<hash_value> hashes(200);
  std::ranges::generate(hashes, [&] { return static_cast<hash_value>(random()); });
  return hashes;
}

TEST(duplicate_search_test, puts_more_copies_together_than_it_has_candidates) {
  constexpr uint32_t copies = 2 * duplicate_search::max_candidates + 20;
  const test::temporary_folder folder;
  test::running_node node(folder / "data");
  system_config settings{1};
  caf::actor_system system(settings);
  client c(system, test::options_for(node.port()));
  recording_library library(folder / "library.sqlite");
  library_session session(c, library, "music", 10'000);
  session.open(true);
  const auto add = [&](const std::string& path, const std::vector<hash_value>& hashes) {
    recording r;
    r.path = path;
    return session.add(r, hashes);
  };
  for (uint32_t i = 0; i < copies; i++) add("/copy" + std::to_string(i), music(1));
  const auto first = add("/two", music(2)), second = add("/again", music(2));
  add("/alone", music(3));
  session.send_pending();
  const auto pairs = duplicate_search(c, library, {"music", 0.8, 10'000}).run();
  EXPECT_TRUE(std::ranges::adjacent_find(pairs, [](const auto& a, const auto& b) {
                return a.first == b.first && a.second == b.second;
              }) == pairs.end());
  const auto groups = group_pairs(pairs);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].size(), copies);
  EXPECT_EQ(groups[1], (std::vector<document_id>{first, second}));
}

}  // namespace
}  // namespace fp::ctl
