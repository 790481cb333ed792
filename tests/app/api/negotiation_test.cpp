#include "app/api/negotiation.hpp"

#include <gtest/gtest.h>

namespace fp {
namespace {

stream_format snapshot_for(const std::string& accept) {
  http_request request;
  request.accept = accept;
  return snapshot_format(request);
}

TEST(negotiation, snapshots_are_fpindex_s_unless_backups_are_asked_for) {
  for (const char* accept : {"", "*/*", "application/*", "application/octet-stream", "application/json",
                             "application/vnd.msgpack", "application/vnd.fpnode.backups",
                             "application/vnd.fpnode.backup;q=0", "application/vnd.fpnode.backup; q=0.000, */*",
                             "application/vnd.fpnode.backup;q=0.5, application/octet-stream;q=0.6"}) {
    EXPECT_EQ(snapshot_for(accept), stream_format::fpindex) << accept;
  }
  for (const char* accept : {"application/vnd.fpnode.backup", "Application/VND.fpnode.Backup ; q=0.1",
                             "text/html, application/vnd.fpnode.backup;q=0.9, */*;q=0.8",
                             "application/octet-stream, application/vnd.fpnode.backup",
                             "application/octet-stream;q=0.2, application/vnd.fpnode.backup;q=0.3"}) {
    EXPECT_EQ(snapshot_for(accept), stream_format::backup) << accept;
  }
}

}  // namespace
}  // namespace fp
