#include "core/identify/hash_form.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "core/identify/alignment.hpp"

namespace fp {
namespace {

using hashes = std::vector<hash_value>;

TEST(HashForm, NamesAreTheirs) {
  for (const auto form : {hash_form::plain, hash_form::phone, hash_form::acoustid_28}) {
    EXPECT_EQ(hash_form_of(to_string(form)), form);
  }
  EXPECT_FALSE(hash_form_of("acoustid"));
  EXPECT_FALSE(hash_form_of(""));
}

TEST(HashForm, PlainHashesStayAsTheyAre) {
  const hashes some{5, silence_hash, 5, 0x12345678};
  for (const auto form : {hash_form::plain, hash_form::phone}) {
    EXPECT_EQ(query_in_form(some, form), some);
    EXPECT_EQ(document_in_form(some, form), some);
  }
}

TEST(HashForm, AnExtractIsAcoustids) {
  hashes all(300);
  for (uint32_t i = 0; i < all.size(); i++) all[i] = (i << 4) + 0x10000007;
  all[10] = all[11] = silence_hash;  // two fewer before the 80th
  const auto extract = document_in_form(all, hash_form::acoustid_28);
  ASSERT_EQ(extract.size(), 120u);
  EXPECT_EQ(extract.front(), all[82] - 7);
  EXPECT_EQ(extract.back(), all[201] - 7);
  // Of 150, the last 120; of less than 120, all.
  EXPECT_EQ(document_in_form(hashes(all.begin() + 20, all.begin() + 170), hash_form::acoustid_28).front(),
            all[50] - 7);
  EXPECT_EQ(document_in_form(hashes(all.begin() + 20, all.begin() + 70), hash_form::acoustid_28).size(), 50u);
  EXPECT_TRUE(document_in_form(hashes(50, silence_hash), hash_form::acoustid_28).empty());
}

TEST(HashForm, AnExtractOfAnExtractIsTheSame) {
  std::mt19937 random(2);
  hashes all(500);
  for (auto& h : all) h = static_cast<hash_value>(random());
  const auto extract = document_in_form(all, hash_form::acoustid_28);
  EXPECT_EQ(document_in_form(extract, hash_form::acoustid_28), extract);
  EXPECT_TRUE(look_cut(extract));
  EXPECT_FALSE(look_cut(all));
  EXPECT_FALSE(look_cut(hashes(7, 16))) << "too few to tell";
  EXPECT_EQ(most_shared(500, hash_form::acoustid_28), 120u);
  EXPECT_EQ(most_shared(50, hash_form::acoustid_28), 50u);
  EXPECT_EQ(most_shared(500, hash_form::plain), 500u);
}

TEST(HashForm, AQueryHoldsWhateverExtractItsPlaceIsIn) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; round++) {
    hashes all(random() % 400);
    for (auto& h : all) h = random() % 10 == 0 ? silence_hash : random() % 200 << random() % 20;
    const auto document = document_in_form(all, hash_form::acoustid_28);
    const auto query = query_in_form(all, hash_form::acoustid_28);
    const std::set<hash_value> in_query(query.begin(), query.end());
    ASSERT_EQ(std::set<hash_value>(document.begin(), document.end()).size(), document.size());
    for (const auto h : document) ASSERT_TRUE(in_query.contains(h) && h % 16 == 0);
    ASSERT_LE(document.size(), 120u);
  }
}

}  // namespace
}  // namespace fp
