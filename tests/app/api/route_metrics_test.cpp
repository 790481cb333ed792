#include "app/api/route_metrics.hpp"

#include <gtest/gtest.h>

#include "app/api/routes.hpp"
#include "core/metrics/node_metrics.hpp"
#include "tests/core/support/exposition.hpp"

namespace fp {
namespace {

std::string_view pattern_of(std::string_view target) {
  std::vector<std::string> segments;
  EXPECT_TRUE(split_target(target, segments));
  return route_pattern(route_of(segments));
}

TEST(route_metrics, patterns) {
  EXPECT_EQ(pattern_of("/"), "/");
  EXPECT_EQ(pattern_of("/_health"), "/_health");
  EXPECT_EQ(pattern_of("/_metrics?x=1"), "/_metrics");
  EXPECT_EQ(pattern_of("/_page/page.js"), "/_page/:file");
  EXPECT_EQ(pattern_of("/_page/overview"), "/_page/overview");
  EXPECT_EQ(pattern_of("/_page/7"), "/:index/:id");
  EXPECT_EQ(pattern_of("/music"), "/:index");
  EXPECT_EQ(pattern_of("/_music"), "/:index");
  EXPECT_EQ(pattern_of("/music/7"), "/:index/:id");
  EXPECT_EQ(pattern_of("/music/seven"), "/:index/:id");
  EXPECT_EQ(pattern_of("/music/_search"), "/:index/_search");
  EXPECT_EQ(pattern_of("/_music/_history"), "/:index/_history");
  EXPECT_EQ(pattern_of("/music/_nothing"), "other");
  EXPECT_EQ(pattern_of("/music/7/8"), "other");
}

/// Writes down how it is answered.
struct recording_exchange final : http_exchange {
  void respond(http_response response) override { status = response.status; }
  const std::shared_ptr<cancel_flag>& cancel() const override { return flag; }
  std::optional<unsigned> status;
  std::shared_ptr<cancel_flag> flag = std::make_shared<cancel_flag>(false);
};

class measured_responder : public ::testing::Test {
 protected:
  measured_responder() { node.add_source(metrics); }
  http_responder make(http_method method, std::string_view target) {
    std::vector<std::string> segments;
    split_target(target, segments);
    return measured(http_responder(exchange), metrics, method, route_of(segments));
  }
  double count(const std::string& labels) {
    const auto sample = "fpindex_http_request_duration_seconds_count{" + labels + "}";
    const test::exposition e(node.text());
    return e.has(sample) ? e.value(sample) : 0;
  }

  std::shared_ptr<recording_exchange> exchange = std::make_shared<recording_exchange>();
  std::shared_ptr<http_metrics> metrics = make_http_metrics();
  node_metrics node;
};

TEST_F(measured_responder, passes_on_and_counts_once) {
  const auto respond = make(http_method::del, "/music/7");
  EXPECT_EQ(respond.cancel(), exchange->flag);
  http_response gone;
  gone.status = 404;
  respond(gone);
  EXPECT_EQ(exchange->status, 404u);
  respond(http_response{});
  EXPECT_EQ(count(R"(method="DELETE",route="/:index/:id",status="404")"), 1);
  EXPECT_EQ(count(R"(method="DELETE",route="/:index/:id",status="200")"), 0);
}

TEST_F(measured_responder, counts_a_request_that_nobody_answers_as_an_internal_error) {
  make(http_method::get, "/_health");
  EXPECT_EQ(exchange->status, std::nullopt);
  EXPECT_EQ(count(R"(method="GET",route="/_health",status="500")"), 1);
}

}  // namespace
}  // namespace fp
