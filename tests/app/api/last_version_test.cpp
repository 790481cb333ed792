#include <gmock/gmock.h>

#include "app/api/http_gateway.hpp"
#include "app/client/client.hpp"
#include "tests/app/support/running_node.hpp"
#include "tests/app/support/tcp_client.hpp"
#include "tests/core/support/crafted_index.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

using testing::HasSubstr;

std::string put_document(uint16_t port) {
  test::tcp_client c(port);
  c.send(
      "PUT /a/5 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
      "Content-Length: 17\r\n\r\n{\"hashes\":[1000]}");
  return c.receive_all();
}

TEST(http_gateway, refuses_what_no_version_is_left_for) {
  const test::temporary_folder folder;
  test::craft_index(folder.path(), "a", max_commit_id - 1);
  test::running_node node(folder.path());
  system_config settings{1};
  caf::actor_system system{settings};
  client_options options;
  options.port = node.port();
  client(system, options).info("a", {10'000});  // waits for it
  http_settings how;
  how.port.port = 0;
  http_gateway gateway(node.system(), how, {}, config{}.max_update_bytes, node.handle());
  const auto last = put_document(gateway.port());
  EXPECT_THAT(last, HasSubstr("HTTP/1.1 200 "));
  const auto refused = put_document(gateway.port());
  EXPECT_THAT(refused, HasSubstr("HTTP/1.1 503 "));
  EXPECT_THAT(refused, HasSubstr(R"("error":"IndexNotReady","reason":"index a is at version 18446744073709551614, )"
                                 "the last one that there can be\""));
  gateway.stop();
}

}  // namespace
}  // namespace fp
