#include "core/changelog/replica_base.hpp"

#include <gtest/gtest.h>

namespace fp {
namespace {

std::vector<std::string> urls(const std::vector<peer_report>& peers) {
  std::vector<std::string> out;
  for (const auto& p : peers) out.push_back(p.url);
  return out;
}

TEST(replica_base, the_freshest_files_first_and_equals_as_configured) {
  const std::vector<peer_report> peers = {
      {"a", "", 3, 90, 50}, {"b", "", 3, 80, 70}, {"c", "", 3, 90, 70}, {"d", "", 3, 80, 70}};
  EXPECT_EQ(urls(choose_donors(peers, {3, 10, 0})), (std::vector<std::string>{"c", "b", "d", "a"}));
}

TEST(replica_base, only_those_that_help) {
  const std::vector<peer_report> peers = {{"silent", "no answer in time", 0, 0, 0},
                                          {"other", "", 2, 90, 90},
                                          {"old", "", 3, 10, 5},
                                          {"gone", "", 3, 15, 15},
                                          {"good", "", 3, 20, 0},
                                          {"ahead", "", 3, 21, 0}};
  EXPECT_EQ(urls(choose_donors(peers, {3, 10, 20, 20})), (std::vector<std::string>{"good"}));
  EXPECT_EQ(
      why_no_donor(peers, {3, 10, 21, 20}),
      "silent: no answer in time; other: has generation 2; old: is at 10, no further than this node; gone: is "
      "at 15, and the changelog begins behind 21; good: is at 20, and the changelog begins behind 21; ahead: is at "
      "21, and the changelog ends with 20");
  EXPECT_EQ(why_no_donor({}, {3, 10, 20}), "no peers are configured");
}

}  // namespace
}  // namespace fp
