#include "app/api/http_metrics.hpp"

#include <gtest/gtest.h>

#include "core/metrics/node_metrics.hpp"
#include "tests/core/support/exposition.hpp"

namespace fp {
namespace {

using namespace std::chrono_literals;
using test::exposition;

TEST(http_metrics, by_method_route_and_status) {
  node_metrics node;
  const auto http = std::make_shared<http_metrics>(std::vector<std::string_view>{"GET", "PUT"},
                                                   std::vector<std::string_view>{"/a", "/b"});
  node.add_source(http);
  http->answered(0, 1, 200, 1ms);
  http->answered(0, 1, 200, 3ms);
  http->answered(1, 0, 503, 20ms);
  http->answered(1, 0, 299, 20ms);
  http->refused(431);
  const exposition e(node.text());
  const std::string name = "fpindex_http_request_duration_seconds_";
  EXPECT_EQ(e.value(name + "count{method=\"GET\",route=\"/b\",status=\"200\"}"), 2);
  EXPECT_DOUBLE_EQ(e.value(name + "sum{method=\"GET\",route=\"/b\",status=\"200\"}"), 0.004);
  EXPECT_EQ(e.value(name + "count{method=\"PUT\",route=\"/a\",status=\"503\"}"), 1);
  EXPECT_EQ(e.value(name + "count{method=\"PUT\",route=\"/a\",status=\"other\"}"), 1);
  EXPECT_FALSE(e.has(name + "count{method=\"PUT\",route=\"/b\",status=\"200\"}"));
  EXPECT_EQ(e.value("fpindex_http_refused_total{status=\"431\"}"), 1);
  EXPECT_EQ(e.value("fpindex_http_refused_total{status=\"503\"}"), 0);
}

}  // namespace
}  // namespace fp
