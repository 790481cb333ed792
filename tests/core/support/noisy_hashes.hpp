#pragma once

#include <random>
#include <vector>

#include "core/base/types.hpp"

namespace fp::test {

/// Random hashes; `universe` 0: all are different in practice.
inline std::vector<hash_value> random_hashes(std::mt19937& random, size_t count, uint32_t universe = 0) {
  std::vector<hash_value> out(count);
  for (auto& h : out) h = universe == 0 ? static_cast<hash_value>(random()) : random() % universe * 0x9e3779b9u;
  return out;
}

/// The same hashes with a share of their bits the other way around.
inline std::vector<hash_value> with_wrong_bits(std::vector<hash_value> hashes, std::mt19937& random, double share) {
  std::bernoulli_distribution wrong(share);
  for (auto& h : hashes) {
    for (int bit = 0; bit < 32; bit++) h ^= static_cast<hash_value>(wrong(random)) << bit;
  }
  return hashes;
}

}  // namespace fp::test
