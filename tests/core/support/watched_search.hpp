#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <vector>

#include "core/search/search.hpp"
#include "tests/core/support/counting_clock.hpp"
#include "tests/core/support/error_of.hpp"

namespace fp::test {

/// By the counting clock, with a deadline that never comes.
inline search_options watched(search_options options) {
  options.now = &counting_clock::now;
  options.deadline = counting_clock::never;
  return options;
}

/// The most memory that a search holds whenever it looks at the clock, from here on.
class watched_memory {
 public:
  explicit watched_memory(const searcher& engine) : engine_(engine) {
    counting_clock::reset();
    counting_clock::on_look = [this] { most_ = std::max(most_, engine_.scratch_bytes()); };
  }
  ~watched_memory() { counting_clock::reset(); }
  watched_memory(const watched_memory&) = delete;
  watched_memory& operator=(const watched_memory&) = delete;

  uint64_t most() const noexcept { return most_; }

 private:
  const searcher& engine_;
  uint64_t most_ = 0;
};

/// Expects the same answer whether there is memory enough, or `least_bytes` and more, and no more of it in use.
inline void expect_in_any_memory(searcher& engine, const snapshot& index, const std::vector<hash_value>& query,
                                 search_options options, const std::vector<search_result>& expected,
                                 uint64_t least_bytes) {
  options = watched(options);
  uint64_t matching = 0;
  for (const uint64_t max_bytes : {search_options().max_bytes, least_bytes, 2 * least_bytes, 6 * least_bytes}) {
    options.max_bytes = max_bytes;
    const watched_memory memory(engine);
    const auto outcome = engine.search(index, query, options);
    EXPECT_EQ(outcome.results, expected) << "in " << max_bytes << " bytes";
    EXPECT_LE(std::max(memory.most(), engine.scratch_bytes()), max_bytes);
    if (matching == 0) matching = outcome.num_postings;
    EXPECT_EQ(outcome.num_postings, matching);
  }
}

/// Expects that a search in cold memory ends at whichever look at the clock its deadline passes: at each, or at
/// some `most_ends` of them. Returns the looks of the whole search.
inline uint64_t expect_looks_to_end(searcher& engine, const snapshot& index, const std::vector<hash_value>& query,
                                    search_options options, const std::vector<search_result>& expected,
                                    uint64_t most_ends) {
  options = watched(options);
  counting_clock::reset(std::chrono::milliseconds(1));  // each step is slow: memory is cold
  EXPECT_EQ(engine.search(index, query, options).results, expected);
  const uint64_t looks = counting_clock::looks;
  for (uint64_t look = 1; look <= looks; look += 1 + looks / most_ends) {
    counting_clock::reset(std::chrono::milliseconds(1));
    options.deadline = counting_clock::at(look);
    EXPECT_EQ(error_of([&] { engine.search(index, query, options); }).code(), errc::search_timeout);
    EXPECT_EQ(counting_clock::looks, look);
  }
  counting_clock::reset();
  return looks;
}

/// How often a search looks at the clock when memory is warm, or cold throughout.
inline uint64_t looks_of(const snapshot& index, std::span<const hash_value> query, search_options options,
                         bool warm) {
  searcher engine;
  options = watched(options);
  counting_clock::reset();
  if (warm) engine.search(snapshot(), std::vector<hash_value>(300'000, 1), options);
  counting_clock::reset(warm ? std::chrono::nanoseconds(1) : std::chrono::milliseconds(1));
  engine.search(index, query, options);
  const uint64_t looks = counting_clock::looks;
  counting_clock::reset();
  return looks;
}

}  // namespace fp::test
