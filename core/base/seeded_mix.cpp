#include "core/base/seeded_mix.hpp"

#include <random>

namespace fp {

namespace {

uint64_t random_seed() {
  std::random_device random;
  return uint64_t{random()} << 32 | random();
}

}  // namespace

seeded_mix::seeded_mix() : seeded_mix(random_seed()) {}

}  // namespace fp
