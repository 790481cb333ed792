#include "tests/actors/support/actor_fixture.hpp"
#include "tests/core/support/failing_allocation.hpp"

namespace fp {
namespace {

using namespace std::chrono_literals;

/// What a gateway has decoded is not copied on its way to whoever searches for it.
class search_copies : public test::actor_fixture {
 protected:
  search_copies() {
    settings.segment_load_mode = load_mode::read;  // in memory, nothing is cold
    std::vector<hash_value> hashes(num_hashes);
    for (uint32_t i = 0; i < num_hashes; i++) hashes[i] = i;
    auto request = query(hashes);
    request.min_score = 1;
    wanted = std::make_shared<const search_request>(std::move(request));
  }
  /// Blocks of memory as large as the hashes that a search takes. The engine's own are there from the one before.
  uint64_t copies_of(const index_coordinator_handle& index) {
    const auto search = [&] { EXPECT_EQ(get<search_reply>(index, local_search{wanted, {}}).results.size(), 3u); };
    search();
    test::count_allocations_of(wanted->query.bytes().size());
    search();
    return test::num_allocations_of_that_size();
  }

  static constexpr uint32_t num_hashes = 30'011;
  std::shared_ptr<const search_request> wanted;
};

TEST_F(search_copies, none_where_the_coordinator_searches) {
  EXPECT_EQ(copies_of(ready_index(prepare_index("a", 3))), 0u);
}

TEST_F(search_copies, none_on_the_way_to_a_searcher) {
  own_search_budget = -1us;  // all are handed over
  EXPECT_EQ(copies_of(ready_index(prepare_index("a", 3))), 0u);
}

TEST_F(search_copies, would_be_counted) {
  test::count_allocations_of(wanted->query.bytes().size());
  const search_request copy = *wanted;
  EXPECT_EQ(test::num_allocations_of_that_size(), 1u);
  EXPECT_EQ(copy.query.size(), num_hashes);
}

}  // namespace
}  // namespace fp
