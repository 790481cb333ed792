#include "core/changelog/split_changes.hpp"

#include <gmock/gmock.h>

#include <random>
#include <string>

#include "core/base/error.hpp"

namespace fp {
namespace {

TEST(split_changes, gives_each_change_as_it_would_be_encoded_alone) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; round++) {
    changes_encoder all;
    std::vector<std::vector<uint8_t>> alone;
    std::vector<std::optional<document_id>> documents;
    for (auto n = random() % 6; n > 0; n--) {
      const document_id id = 1 + random() % 100;
      const std::string key(1 + random() % 9, 'k'), value(random() % 9, 'v');
      const std::vector<hash_value> hashes(random() % 5, 7);
      const auto kind = random() % 4;
      changes_encoder one;
      for (auto* e : {&all, &one}) {
        if (kind == 0) e->insert(id, hashes);
        if (kind == 1) e->erase(id);
        if (kind == 2) e->set_metadata(key, value);
        if (kind == 3) e->remove_metadata(key);
      }
      alone.push_back(one.take());
      documents.push_back(kind < 2 ? std::optional(id) : std::nullopt);
    }
    const auto bytes = all.take();
    split_changes split;
    split.add(bytes);
    std::vector<std::vector<uint8_t>> pieces;
    for (const auto p : split.pieces) pieces.emplace_back(p.begin(), p.end());
    EXPECT_EQ(pieces, alone);
    EXPECT_EQ(split.documents, documents);
  }
}

TEST(split_changes, refuses_what_is_malformed) {
  split_changes split;
  EXPECT_THROW(split.add(std::vector<uint8_t>(13, 1)), error);
}

}  // namespace
}  // namespace fp
