#include "core/segment/posting_sorter.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace fp {
namespace {

struct made_documents {
  std::vector<std::vector<hash_value>> hashes;
  std::vector<document_change> changes;
  std::vector<posting> expected;
  hash_value mask = 0;

  explicit made_documents(std::vector<std::vector<hash_value>> of_each) : hashes(std::move(of_each)) {
    document_id id = 0;
    for (const auto& h : hashes) {
      id += 1 + static_cast<document_id>(h.size() % 3);
      changes.push_back({id, false, 1, std::as_bytes(std::span(h))});
      for (const hash_value one : h) {
        expected.push_back(make_posting(one, id));
        mask |= one;
      }
    }
    std::ranges::sort(expected);
    expected.erase(std::unique(expected.begin(), expected.end()), expected.end());
  }

  void expect_sorted_by(posting_sorter& sorter, const std::string& what) const {
    const auto sorted = sorter.sort(changes);
    EXPECT_TRUE(std::ranges::equal(sorted, expected)) << what;
    EXPECT_EQ(sorter.hash_mask(), mask) << what;
  }
};

made_documents draw(size_t documents, size_t hashes_each, const std::function<hash_value()>& hash) {
  std::vector<std::vector<hash_value>> all(documents);
  for (auto& of_one : all) {
    of_one.resize(hashes_each);
    std::ranges::generate(of_one, hash);
  }
  return made_documents(std::move(all));
}

TEST(PostingSorter, MakesASetOfPostings) {
  std::mt19937 random(1);
  posting_sorter sorter;
  for (const hash_value mask : {0u, 1u, 0x80000000u, 0xffu, 0xfffffff0u, 0xffffffffu, 0x00fff000u, 0xf000000fu}) {
    for (const auto& [documents, each] : {std::pair{0, 0}, {1, 0}, {1, 1}, {1, 120}, {3, 700}, {900, 40}}) {
      const auto made = draw(static_cast<size_t>(documents), static_cast<size_t>(each),
                             [&] { return static_cast<hash_value>(random()) & mask; });
      made.expect_sorted_by(
          sorter, std::to_string(documents) + " of " + std::to_string(each) + ", mask " + std::to_string(mask));
    }
  }
}

// Whatever the leading bits tell apart or do not.
TEST(PostingSorter, TakesHashesThatHaveMuchInCommon) {
  std::mt19937 random(2);
  posting_sorter sorter;
  const auto few_of = [&](std::vector<hash_value> common, hash_value low) {
    return draw(300, 60, [&random, common, low] { return common[random() % common.size()] ^ (random() & low); });
  };
  few_of({5}, 0).expect_sorted_by(sorter, "one hash");
  few_of({0x80000000}, 0x3ff).expect_sorted_by(sorter, "low bits alone differ");
  few_of({0x12345000, 0x92345000, 0xffffffff}, 0xfff).expect_sorted_by(sorter, "three groups");
  few_of({0, 0xfffff000}, 7).expect_sorted_by(sorter, "both ends");
}

// Each is behind the ones that it belongs before, and is there already.
TEST(PostingSorter, TakesManyRepeatsThatComeLate) {
  posting_sorter sorter;
  std::vector<hash_value> hashes = {0xffffffff};
  for (hash_value h = 1; h < 20'000; h++) hashes.push_back(0x40000000 + h);
  hashes.insert(hashes.end(), 100'000, 0x40000000);
  made_documents({hashes, hashes}).expect_sorted_by(sorter, "repeats");
  std::ranges::reverse(hashes);
  made_documents({hashes, hashes}).expect_sorted_by(sorter, "descending");
}

// Enough for several rounds of digits, and little after much.
TEST(PostingSorter, TakesAnyNumberAfterAnyOther) {
  std::mt19937 random(3);
  posting_sorter sorter;
  for (const size_t documents : {4'000, 2, 40, 1}) {
    draw(documents, 600, [&] {
      return static_cast<hash_value>(random());
    }).expect_sorted_by(sorter, std::to_string(documents));
  }
}

}  // namespace
}  // namespace fp
