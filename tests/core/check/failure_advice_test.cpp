#include "core/check/failure_advice.hpp"

#include <gmock/gmock.h>

#include <set>

namespace fp {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

TEST(failure_advice, depends_on_the_cause) {
  std::set<std::string> different;
  for (const auto cause :
       {errc::corrupt_data, errc::io_error, errc::no_space, errc::overloaded, errc::internal_error}) {
    const auto advice = failure_advice(cause, "music");
    EXPECT_THAT(advice, EndsWith(": fpctl reload music"));
    different.insert(advice);
  }
  EXPECT_EQ(different.size(), 5u);
  EXPECT_THAT(failure_advice(errc::corrupt_data, "music"), HasSubstr("fpctl repair"));
  // No reload helps there.
  EXPECT_THAT(failure_advice(errc::unsupported_format, "music"), testing::Not(HasSubstr("reload")));
}

TEST(failure_advice, of_a_parked_replica_ends_with_a_command) {
  EXPECT_THAT(parked_advice("music"), testing::EndsWith("fpctl resync music"));
}

}  // namespace
}  // namespace fp
