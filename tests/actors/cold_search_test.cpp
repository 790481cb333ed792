#include "core/search/warmth.hpp"
#include "tests/actors/support/actor_fixture.hpp"

namespace fp {
namespace {

/// Who reads what may be cold. The faults of the tests' disk are those that `faults` says.
class cold_search_test : public test::actor_fixture {
 protected:
  cold_search_test() {
    disk_reads = [this] { return faults += faults_a_look; };
  }

  /// Whether a search goes to a searcher; its answer is checked.
  bool is_handed_over() {
    return handed_over([this] {
      const auto answer = ask<search_reply>(index, query({1000}));
      return [answer] { return answer.value().results.size() == 3; };
    });
  }
  bool document_is_handed_over() {
    return handed_over([this] {
      const auto answer = ask<document_reply>(index, document_request{2, 0});
      return [answer] { return answer.value().version == 2; };
    });
  }
  /// Searches that are handed over until one is not.
  uint32_t searches_until_own() {
    uint32_t n = 0;
    while (n < warmth::most_needed && is_handed_over()) n++;
    return n;
  }
  index_coordinator_handle index;
  uint64_t faults = 0, faults_a_look = 0;

 private:
  template <class F>
  bool handed_over(const F& send) {
    const auto is_right = send();
    scheduler().prioritize(index);
    EXPECT_TRUE(step());
    const bool result = state_of(index).queued_searches() == 1;
    run();
    EXPECT_TRUE(is_right());
    return result;
  }
};

TEST_F(cold_search_test, an_index_in_memory_is_searched_at_once) {
  settings.segment_load_mode = load_mode::read;
  index = ready_index(prepare_index("a", 3));
  faults_a_look = 1;
  EXPECT_FALSE(is_handed_over());
  EXPECT_FALSE(document_is_handed_over());
}

TEST_F(cold_search_test, the_coordinator_reads_mapped_files_when_searchers_met_no_fault) {
  index = ready_index(prepare_index("a", 3));
  EXPECT_TRUE(document_is_handed_over());
  EXPECT_EQ(searches_until_own(), warmth::least_needed - 1);
  EXPECT_FALSE(document_is_handed_over());
}

TEST_F(cold_search_test, it_does_not_while_searchers_meet_faults) {
  index = ready_index(prepare_index("a", 3));
  faults_a_look = 1;
  for (uint32_t i = 0; i < 3 * warmth::least_needed; i++) EXPECT_TRUE(is_handed_over());
  EXPECT_TRUE(document_is_handed_over());
  faults_a_look = 0;
  EXPECT_EQ(searches_until_own(), warmth::least_needed);
}

TEST_F(cold_search_test, one_fault_of_its_own_and_it_waits_twice_as_long) {
  index = ready_index(prepare_index("a", 3));
  EXPECT_EQ(searches_until_own(), warmth::least_needed);
  faults_a_look = 1;
  EXPECT_FALSE(is_handed_over());
  faults_a_look = 0;
  EXPECT_EQ(searches_until_own(), 2 * warmth::least_needed);
}

TEST_F(cold_search_test, a_new_file_is_cold) {
  index = ready_index(prepare_index("a", 3));
  EXPECT_EQ(searches_until_own(), warmth::least_needed);
  const auto written = write(index, 4);
  run();
  ASSERT_TRUE(written.succeeded());
  EXPECT_FALSE(state_of(index).may_be_cold()) << "memory segments are not";
  get<upkeep_reply>(index, checkpoint_atom_v);
  EXPECT_TRUE(state_of(index).may_be_cold());
}

}  // namespace
}  // namespace fp
