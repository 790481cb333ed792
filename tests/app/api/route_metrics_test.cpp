#include "app/api/route_metrics.hpp"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>

#include "app/api/endpoints.hpp"
#include "app/api/negotiation.hpp"
#include "app/api/routes.hpp"
#include "core/metrics/node_metrics.hpp"
#include "tests/core/support/exposition.hpp"

namespace fp {
namespace {

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
    return measured(http_responder(exchange), metrics, method, route_of(segments, false));
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

TEST_F(measured_responder, logs_why_the_service_failed_and_sends_nobody_that) {
  std::ostringstream text;
  const auto log = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text));
  const auto route = route_of({"music", "7"}, false);
  const auto failed = error_response(make_error(errc::io_error, "data/music/v1: torn"), body_format::json);
  EXPECT_EQ(failed.status, 500u);
  EXPECT_EQ(failed.body, R"({"error":"InternalError"})");
  measured(http_responder(exchange), metrics, http_method::put, route, log)(failed);
  EXPECT_NE(text.str().find("PUT /:index/:id failed: data/music/v1: torn\n"), std::string::npos) << text.str();
  text.str("");
  measured(http_responder(exchange), metrics, http_method::put, route,
           log)(error_response(make_error(errc::index_not_found, "none"), body_format::json));
  EXPECT_EQ(text.str(), "");
}

TEST_F(measured_responder, counts_a_request_that_nobody_answers_as_an_internal_error) {
  make(http_method::get, "/_health");
  EXPECT_EQ(exchange->status, std::nullopt);
  EXPECT_EQ(count(R"(method="GET",route="/_health",status="500")"), 1);
}

}  // namespace
}  // namespace fp
