#include <gmock/gmock.h>

#include <algorithm>

#include "app/client/client.hpp"
#include "core/commit/changes.hpp"
#include "tests/app/support/client_options.hpp"
#include "tests/app/support/running_node.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

using test::error_of;
using test::running_node;
using testing::HasSubstr;
using byte_vector = std::vector<std::byte>;

class backup_transfer : public testing::Test {
 protected:
  backup_transfer() {
    node_client.create_index({"music", false, {}});
    std::vector<hash_value> hashes(300'000);
    for (size_t i = 0; i < hashes.size(); i++) hashes[i] = static_cast<hash_value>(i * 2654435761u);
    node_client.insert("music", 1, hashes);
    node_client.insert("music", 2, std::vector<hash_value>{1, 2, 3});
  }

  byte_vector snapshot() {
    byte_vector all;
    const auto header =
        node_client.snapshot("music", [&](std::span<const std::byte> bytes, const backup_format::stream_header& h) {
          EXPECT_EQ(h.index_version, 2u);
          all.insert(all.end(), bytes.begin(), bytes.end());
        });
    EXPECT_EQ(header.index_name, "music");
    EXPECT_EQ(header.num_bytes, all.size());
    return all;
  }
  /// Gives bytes in runs of some size.
  static backup_source source_of(const byte_vector& all, size_t run) {
    return [&all, run, at = size_t{0}](std::span<std::byte> out) mutable {
      const size_t count = std::min({run, out.size(), all.size() - at});
      std::copy_n(all.begin() + static_cast<long>(at), count, out.begin());
      at += count;
      return count;
    };
  }
  std::vector<std::string> names() {
    std::vector<std::string> out;
    for (const auto& e : node_client.list().indexes) out.push_back(e.name);
    return out;
  }

  test::temporary_folder folder;
  running_node node{folder.path()};
  system_config settings{1};
  caf::actor_system system{settings};
  client node_client{system, test::options_for(node.port())};
};

TEST_F(backup_transfer, takes_and_restores_a_backup) {
  const auto backup = snapshot();
  EXPECT_GT(backup.size(), 2 * max_backup_piece);
  for (const size_t run : {size_t{1000}, size_t{1} << 20}) {
    const auto name = "copy" + std::to_string(run);
    const auto restored = node_client.restore(name, source_of(backup, run));
    EXPECT_EQ(restored.version, 2u);
    EXPECT_EQ(restored.source_name, "music");
    EXPECT_EQ(restored.num_bytes, backup.size());
    EXPECT_EQ(node_client.info(name, {60'000}).num_documents, 2u);
  }
  EXPECT_EQ(snapshot(), backup);
}

TEST_F(backup_transfer, what_the_sink_or_source_throws_ends_it) {
  const auto backup = snapshot();
  const auto full = [](std::span<const std::byte>, const backup_format::stream_header&) {
    throw error(errc::no_space, "the disk is full");
  };
  EXPECT_EQ(error_of([&] { node_client.snapshot("music", full); }).code(), errc::no_space);
  const auto broken = [source = source_of(backup, 1000), n = 0](std::span<std::byte> out) mutable {
    if (++n == 500) throw error(errc::io_error, "the disk is broken");
    return source(out);
  };
  EXPECT_EQ(error_of([&] { node_client.restore("copy", broken); }).code(), errc::io_error);
  EXPECT_EQ(names(), std::vector<std::string>{"music"});
  EXPECT_EQ(snapshot(), backup);
}

TEST_F(backup_transfer, errors_of_the_node_keep_their_code_and_text) {
  const auto ignore = [](std::span<const std::byte>, const backup_format::stream_header&) {};
  EXPECT_EQ(error_of([&] { node_client.snapshot("nope", ignore); }).code(), errc::index_not_found);
  auto backup = snapshot();
  EXPECT_EQ(error_of([&] { node_client.restore("music", source_of(backup, 1000)); }).code(),
            errc::index_already_exists);
  backup[backup.size() / 2] ^= std::byte{1};
  const auto e = error_of([&] { node_client.restore("copy", source_of(backup, 100'000)); });
  EXPECT_EQ(e.code(), errc::corrupt_data);
  EXPECT_THAT(e.what(), HasSubstr("backup: offset "));
  backup.resize(100);
  EXPECT_THAT(error_of([&] { node_client.restore("copy", source_of(backup, 100)); }).what(),
              HasSubstr("offset 100: ends within the stream header"));
  EXPECT_EQ(names(), std::vector<std::string>{"music"});
}

TEST_F(backup_transfer, a_node_that_goes_away_is_noticed) {
  size_t num_pieces = 0;
  const auto stop = [&](std::span<const std::byte>, const backup_format::stream_header&) {
    if (num_pieces++ == 0) node.stop();
  };
  EXPECT_EQ(error_of([&] { node_client.snapshot("music", stop); }).code(), errc::unreachable);
}

}  // namespace
}  // namespace fp
