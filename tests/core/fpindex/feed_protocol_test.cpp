#include "core/fpindex/feed_protocol.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "core/base/located_error.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/support/source_file.hpp"

namespace fp::fpindex {
namespace {

using std::chrono::milliseconds;
using test::error_of;
using testing::HasSubstr;

feed_body unhex(std::string_view hex) {
  feed_body bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

/// An exchange that was recorded between fpindex's programs.
struct exchange {
  std::string method, path;
  int status = 0;
  feed_body request, response;
};

std::vector<exchange> recorded(const std::string& file) {
  std::ifstream in(test::source_file("tests/data/fpindex/" + file));
  std::vector<exchange> result;
  for (std::string line; std::getline(in, line);) {
    const auto o = nlohmann::json::parse(line);
    result.push_back({o.at("method"), o.at("path"), o.at("status"), unhex(o.at("request_hex").get<std::string>()),
                      unhex(o.at("response_hex").get<std::string>())});
  }
  return result;
}

class memory_source final : public byte_source {
 public:
  memory_source(feed_body bytes, size_t piece) : bytes_(std::move(bytes)), piece_(piece) {}
  size_t read(std::span<std::byte> out) override {
    const size_t count = std::min({out.size(), piece_, bytes_.size() - at_});
    std::copy_n(bytes_.begin() + static_cast<ptrdiff_t>(at_), count, out.begin());
    at_ += count;
    return count;
  }

 private:
  feed_body bytes_;
  size_t piece_, at_ = 0;
};

feed_body encoded_again(const exchange& e) {
  const bool is_read = e.path.starts_with("/_changelog/") && e.method == "GET";
  if (is_read) {
    const auto answer = decode_read_answer("x", e.response, 0, {});
    return encode_read_answer(answer.positions, answer.changes, answer.retry_after);
  }
  if (e.path.starts_with("/_meta")) {
    const auto answer = decode_meta_answer("x", e.response, 0);
    return encode_meta_answer(answer.operations, answer.retry_after);
  }
  if (e.path.starts_with("/_bootstrap/")) {
    memory_source source(e.response, 3);
    bootstrap_decoder decoder("x", source);
    feed_body stream = encode_number('p', decoder.position());
    for (;;) {
      const auto changes = decoder.next(1 << 20);
      const auto part = encode_bootstrap_part(changes);
      stream.insert(stream.end(), part.begin(), part.end());
      if (changes.empty()) return stream;
    }
  }
  const char field = e.method == "POST" ? 'i' : e.method == "PUT" ? 'g' : 'p';
  return encode_number(field, decode_number("x", e.response, field));
}

TEST(feed_protocol_test, speaks_as_fpindex_does_byte_for_byte) {
  size_t num_requests = 0, num_answers = 0;
  for (const std::string file : {"coordinator.jsonl", "replica_to_coordinator.jsonl"}) {
    for (const exchange& e : recorded(file)) {
      if (e.method == "POST" && e.path.starts_with("/_changelog/") && e.status != 400) {
        const auto request = decode_append_request("x", e.request);
        EXPECT_EQ(encode_append_request(request.changes, request.expected), e.request);
        num_requests++;
      }
      if (e.status != 200 || e.path.starts_with("/_truncate/")) continue;
      EXPECT_EQ(encoded_again(e), e.response) << e.method << " " << e.path;
      num_answers++;
    }
  }
  EXPECT_GE(num_requests, 12u);
  EXPECT_GE(num_answers, 90u);
}

struct changes_and_positions {
  std::vector<uint8_t> changes;
  std::vector<feed_position> positions;
};

/// Random changes of the kinds that the protocol knows, at positions with gaps.
changes_and_positions random_changes(test::random_data& data) {
  changes_and_positions result;
  changes_encoder encoder;
  feed_position position = 0;
  for (uint64_t i = data.below(60); i > 0; i--) {
    position = data.version_behind(position);
    result.positions.push_back(position);
    switch (data.below(4)) {
      case 0:
        encoder.erase(data.id());
        break;
      case 1:
        encoder.set_metadata(std::string(data.below(300), 'k'), std::string(data.below(70'000), 'v'));
        break;
      default:
        encoder.insert(data.id(), data.chance(5) ? std::vector<hash_value>() : data.hashes(100));
    }
  }
  result.changes = encoder.take();
  return result;
}

TEST(feed_protocol_test, brings_changes_there_and_back) {
  for (uint64_t seed = 1; seed <= 200; seed++) {
    test::random_data data(seed);
    const auto [changes, positions] = random_changes(data);
    const auto request = decode_append_request("x", encode_append_request(changes, seed));
    EXPECT_EQ(request.changes, changes);
    EXPECT_EQ(request.expected, seed);

    const auto body = encode_read_answer(positions, changes, milliseconds(1000));
    const auto all = decode_read_answer("x", body, 0, {.max_changes = UINT32_MAX, .max_bytes = UINT64_MAX});
    EXPECT_EQ(all.changes, changes);
    EXPECT_EQ(all.retry_after, milliseconds(1000));
    ASSERT_EQ(all.positions.size(), positions.size());
    // Metadata that follows each other has the position of its last.
    for (size_t i = 0; i < positions.size(); i++) EXPECT_GE(all.positions[i], positions[i]);
    if (!positions.empty()) {
      EXPECT_EQ(all.positions.back(), positions.back());
    }

    // In pieces it is the same.
    feed_changes pieces;
    feed_position after = 0;
    while (pieces.positions.size() < positions.size()) {
      const read_limits limits{.max_changes = static_cast<uint32_t>(1 + data.below(10)), .max_bytes = 2'000};
      // As a server answers that has more than was asked for.
      const auto rest = std::upper_bound(all.positions.begin(), all.positions.end(), after) - all.positions.begin();
      size_t offset = 0;
      changes_reader skipped(changes);
      change_view change;
      for (ptrdiff_t i = 0; i < rest && skipped.next(change); i++) offset = skipped.offset();
      const auto piece =
          decode_read_answer("x",
                             encode_read_answer(std::span(positions).subspan(static_cast<size_t>(rest)),
                                                std::span(changes).subspan(offset), milliseconds(0)),
                             after, limits);
      ASSERT_FALSE(piece.positions.empty());
      pieces.positions.insert(pieces.positions.end(), piece.positions.begin(), piece.positions.end());
      pieces.changes.insert(pieces.changes.end(), piece.changes.begin(), piece.changes.end());
      after = piece.positions.back();
    }
    EXPECT_EQ(pieces.changes, changes);

    feed_body stream = encode_number('p', 77);
    for (const auto& part : {encode_bootstrap_part(changes), encode_bootstrap_part({})}) {
      stream.insert(stream.end(), part.begin(), part.end());
    }
    memory_source source(stream, 1 + data.below(1'000));
    bootstrap_decoder decoder("x", source);
    EXPECT_EQ(decoder.position(), 77u);
    std::vector<uint8_t> found;
    for (;;) {
      const auto part = decoder.next(1 + data.below(5'000));
      if (part.empty()) break;
      found.insert(found.end(), part.begin(), part.end());
    }
    EXPECT_EQ(found, changes);
  }
}

std::string why_not(const std::function<void()>& decode) {
  const error e = error_of(decode);
  EXPECT_EQ(e.code(), errc::corrupt_data);
  EXPECT_THAT(e.what(), HasSubstr("feed: offset "));
  return e.what();
}

/// From JSON, whose objects are sorted by key.
feed_body packed(const std::string& json) {
  const auto bytes = nlohmann::json::to_msgpack(nlohmann::json::parse(json));
  const auto view = std::as_bytes(std::span(bytes));
  return {view.begin(), view.end()};
}

TEST(feed_protocol_test, takes_no_append_that_it_does_not_understand) {
  const auto refused = [](const std::string& json) {
    return why_not([&] { decode_append_request("feed", packed(json)); });
  };
  EXPECT_THAT(refused(R"({"e":1})"), HasSubstr("without changes"));
  EXPECT_THAT(refused(R"({"c":[],"x":1})"), HasSubstr("unknown field"));
  EXPECT_THAT(refused(R"({"c":null})"), HasSubstr("expected an array"));
  EXPECT_THAT(refused(R"({"c":[],"e":-1})"), HasSubstr("expected a number"));
  EXPECT_THAT(refused(R"({"c":[],"e":-70000})"), HasSubstr("negative"));
  EXPECT_THAT(refused(R"({"c":[],"e":"5"})"), HasSubstr("expected a number"));
  EXPECT_THAT(refused(R"({"c":[{"i":{"h":[4294967296],"i":1}}]})"), HasSubstr("too large"));
  EXPECT_THAT(refused(R"({"c":[{"i":{"h":[1],"i":4294967296}}]})"), HasSubstr("too large"));
  EXPECT_THAT(refused(R"({"c":[{"i":{"h":[1],"i":0}}]})"), HasSubstr("document 0"));
  EXPECT_THAT(refused(R"({"c":[{"i":{"h":[1]}}]})"), HasSubstr("document 0, or of none"));
  EXPECT_THAT(refused(R"({"c":[{"i":{"i":1}}]})"), HasSubstr("without hashes"));
  EXPECT_THAT(refused(R"({"c":[{"i":{"h":null,"i":1}}]})"), HasSubstr("expected an array"));
  EXPECT_THAT(refused(R"({"c":[{"i":{"h":[],"i":1,"z":0}}]})"), HasSubstr("unknown field"));
  EXPECT_THAT(refused(R"({"c":[{}]})"), HasSubstr("not exactly one"));
  EXPECT_THAT(refused(R"({"c":[{"d":{"i":1},"i":{"h":[1],"i":1}}]})"), HasSubstr("not exactly one"));
  EXPECT_THAT(refused(R"({"c":[{"u":{"i":1}}]})"), HasSubstr("unknown kind"));
  EXPECT_THAT(refused(R"({"c":[{"s":{}}]})"), HasSubstr("without entries"));
  EXPECT_THAT(refused(R"({"c":[{"s":{"e":[{"k":"a"}]}}]})"), HasSubstr("without key or value"));
  EXPECT_THAT(refused(R"({"c":[{"s":{"e":[{"k":"a","v":7}]}}]})"), HasSubstr("expected a string"));
  EXPECT_THAT(refused("[]"), HasSubstr("expected a map"));
  EXPECT_THAT(refused("null"), HasSubstr("expected a map"));
  why_not([] { decode_append_request("feed", {}); });
}

TEST(feed_protocol_test, fills_in_what_may_be_missing_and_counts_first_letters) {
  const auto request =
      decode_append_request("feed", packed(R"({"changes":[{"delete":{"ident":7}}],"expected":null})"));
  changes_reader reader(request.changes);
  change_view change;
  ASSERT_TRUE(reader.next(change));
  EXPECT_EQ(change.kind, change_kind::erase);
  EXPECT_EQ(change.id, 7u);
  EXPECT_FALSE(request.expected);
  // Bytes behind the value do not count.
  feed_body body = packed(R"({"c":[]})");
  body.push_back(std::byte{0xc1});
  EXPECT_TRUE(decode_append_request("feed", body).changes.empty());
  EXPECT_EQ(decode_read_answer("feed", packed(R"({"e":[]})"), 5, {}).retry_after, milliseconds(0));
}

TEST(feed_protocol_test, takes_no_answer_whose_order_or_words_are_wrong) {
  const auto refused = [](const std::string& json, feed_position after = 0) {
    return why_not([&] { decode_read_answer("feed", packed(json), after, {}); });
  };
  const std::string d = R"("c":{"d":{"i":1}})";
  EXPECT_THAT(refused("{\"e\":[{" + d + ",\"i\":2},{" + d + ",\"i\":1}],\"r\":0}"), HasSubstr("position 1"));
  EXPECT_THAT(refused("{\"e\":[{" + d + ",\"i\":2},{" + d + ",\"i\":2}],\"r\":0}"), HasSubstr("position 2"));
  EXPECT_THAT(refused("{\"e\":[{" + d + ",\"i\":9}],\"r\":0}", 9), HasSubstr("position 9 does not come behind 9"));
  EXPECT_THAT(refused("{\"e\":[{" + d + ",\"i\":18446744073709551615}]}"), HasSubstr("too large"));
  EXPECT_THAT(refused("{\"e\":[{" + d + "}],\"r\":0}"), HasSubstr("without position"));
  EXPECT_THAT(refused(R"({"e":[{"i":1}],"r":0})"), HasSubstr("without position or change"));
  EXPECT_THAT(refused(R"({"r":0})"), HasSubstr("without entries"));
  EXPECT_THAT(refused(R"({"e":[],"n":0})"), HasSubstr("unknown field"));
  EXPECT_THAT(refused(R"({"e":{}})"), HasSubstr("expected an array"));
  EXPECT_EQ(decode_read_answer("feed", packed(R"({"e":[],"r":99999999999})"), 0, {}).retry_after,
            std::chrono::hours(1));

  const auto meta = [](const std::string& json) {
    return why_not([&] { decode_meta_answer("feed", packed(json), 0); });
  };
  EXPECT_THAT(meta(R"({"o":[{"i":"a","k":2,"p":1}],"r":0})"), HasSubstr("unknown kind 2"));
  EXPECT_THAT(meta(R"({"o":[{"i":"a","k":1,"p":2},{"i":"a","k":1,"p":2}],"r":0})"), HasSubstr("position 2"));
  EXPECT_THAT(meta(R"({"o":[{"i":"a","p":2}],"r":0})"), HasSubstr("not complete"));
  EXPECT_THAT(meta(R"({"o":[{"i":"a","k":1,"p":2,"x":1}],"r":0})"), HasSubstr("unknown field"));
  EXPECT_THAT(meta(R"({"r":0})"), HasSubstr("without operations"));
  EXPECT_THAT(meta("{\"o\":[{\"i\":\"" + std::string(5'000, 'a') + "\",\"k\":1,\"p\":2}]}"),
              HasSubstr("5000 bytes"));
  EXPECT_THAT(why_not([] { decode_number("feed", packed(R"({"x":1})"), 'i'); }), HasSubstr("unknown field"));
  EXPECT_THAT(why_not([] { decode_number("feed", packed("{}"), 'i'); }), HasSubstr("no field \"i\""));
}

TEST(feed_protocol_test, notices_every_answer_that_is_cut_short) {
  test::random_data data(5);
  const auto [changes, positions] = random_changes(data);
  const auto body = encode_read_answer(positions, changes, milliseconds(0));
  feed_body stream = encode_number('p', 0);
  for (const auto& part : {encode_bootstrap_part(changes), encode_bootstrap_part({})}) {
    stream.insert(stream.end(), part.begin(), part.end());
  }
  for (size_t size = 0; size < std::max(body.size(), stream.size()); size += 1 + size / 50) {
    const auto cut = std::span(body).first(std::min(size, body.size() - 1));
    why_not([&, p = &positions] {
      decode_read_answer("feed", cut, 0,
                         {.max_changes = static_cast<uint32_t>(p->size() + 1), .max_bytes = UINT64_MAX});
    });
    memory_source source(
        {stream.begin(), stream.begin() + static_cast<ptrdiff_t>(std::min(size, stream.size() - 1))}, 1'000);
    why_not([&] {
      bootstrap_decoder decoder("feed", source);
      while (!decoder.next(10'000).empty()) continue;
    });
  }
}

TEST(feed_protocol_test, says_that_a_key_cannot_be_removed) {
  changes_encoder changes;
  changes.remove_metadata("artist");
  const error e = error_of([&] { encode_append_request(changes.bytes(), {}); });
  EXPECT_EQ(e.code(), errc::bad_request);
  EXPECT_THAT(e.what(), HasSubstr("\"artist\""));
  const feed_position position = 1;
  EXPECT_EQ(error_of([&] {
              encode_read_answer({&position, 1}, changes.bytes(), milliseconds(0));
            }).code(),
            errc::bad_request);
}

/// Any byte changed: an error, or something else that makes sense; nothing worse.
TEST(feed_protocol_test, survives_damage) {
  test::random_data data(9);
  changes_encoder encoder;
  std::vector<feed_position> positions;
  for (feed_position p = 1; p <= 40; p++) {
    positions.push_back(p * 300);
    if (p % 3 == 0) {
      encoder.erase(data.id());
    } else {
      encoder.insert(data.id(), data.hashes(5));
    }
  }
  encoder.set_metadata("key", "value");
  positions.push_back(100'000);
  const auto changes = encoder.take();
  const auto body = encode_read_answer(positions, changes, milliseconds(0));
  size_t num_refused = 0;
  for (size_t i = 0; i < 3'000; i++) {
    feed_body damaged = body;
    damaged[data.below(damaged.size())] = static_cast<std::byte>(data.below(256));
    try {
      const auto answer =
          decode_read_answer("feed", damaged, 0, {.max_changes = UINT32_MAX, .max_bytes = UINT64_MAX});
      EXPECT_EQ(answer.positions.size(), validate_changes(answer.changes, {.max_bytes = SIZE_MAX,
                                                                           .max_metadata_bytes = SIZE_MAX,
                                                                           .allow_empty_fingerprints = true})
                                             .num_changes);
    } catch (const error& e) {
      EXPECT_TRUE(e.code() == errc::corrupt_data || e.code() == errc::bad_request) << e.what();
      num_refused++;
    }
  }
  EXPECT_GT(num_refused, 100u);
}

}  // namespace
}  // namespace fp::fpindex
