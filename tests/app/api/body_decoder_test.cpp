#include "app/api/body_decoder.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "app/api/answer_bodies.hpp"
#include "app/api/request_bodies.hpp"
#include "core/base/error.hpp"
#include "core/commit/changes.hpp"
#include "messages/index_info.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/failing_allocation.hpp"

namespace fp {
namespace {

using nlohmann::json;

std::string packed(const json& j) {
  const auto bytes = json::to_msgpack(j);
  return {bytes.begin(), bytes.end()};
}

/// The changes as JSON again.
json changes_of(const http_update& update) {
  json out = json::array();
  changes_reader reader(update.changes);
  change_view c;
  while (reader.next(c)) {
    if (c.kind == change_kind::insert) {
      std::vector<hash_value> hashes(c.num_hashes());
      for (size_t i = 0; i < hashes.size(); i++) hashes[i] = c.hash(i);
      out.push_back({"insert", c.id, hashes});
    } else if (c.kind == change_kind::erase) {
      out.push_back({"erase", c.id});
    } else {
      out.push_back({"set", std::string(c.key), std::string(c.value)});
    }
  }
  return out;
}

/// Every body is decoded in both formats, which have to agree.
std::optional<search_request> search_of(const json& body) {
  const auto a = decode_search(body.dump(), body_format::json);
  const auto b = decode_search(packed(body), body_format::msgpack);
  EXPECT_EQ(a.has_value(), b.has_value()) << body;
  if (a && b) {
    EXPECT_EQ(a->query.to_vector(), b->query.to_vector());
    EXPECT_EQ(std::tie(a->limit, a->score_pct, a->timeout_ms, a->probes),
              std::tie(b->limit, b->score_pct, b->timeout_ms, b->probes));
    EXPECT_EQ(a->min_score, b->min_score);
  }
  return a;
}

std::optional<json> update_of(const json& body) {
  const auto a = decode_update(body.dump(), body_format::json);
  const auto b = decode_update(packed(body), body_format::msgpack);
  EXPECT_EQ(a.has_value(), b.has_value()) << body;
  if (!a || !b) return std::nullopt;
  EXPECT_EQ(a->changes, b->changes);
  EXPECT_EQ(a->expected_version, b->expected_version);
  return changes_of(*a);
}

TEST(decode_search, has_the_contract_s_defaults) {
  const auto r = search_of({{"query", {1, 2}}});
  ASSERT_TRUE(r);
  EXPECT_EQ(r->query.to_vector(), (std::vector<hash_value>{1, 2}));
  EXPECT_EQ(r->limit, 40u);
  EXPECT_EQ(r->timeout_ms, 500u);
  EXPECT_EQ(r->score_pct, 10u);
  EXPECT_EQ(r->probes, 0u);
  EXPECT_FALSE(r->min_score);
  EXPECT_EQ(r->ready_wait_ms, 0u);
}

TEST(decode_search, clamps_limit_and_timeout) {
  for (const auto& [sent, taken] : std::vector<std::pair<uint32_t, uint32_t>>{{0, 1}, {7, 7}, {101, 100}}) {
    EXPECT_EQ(search_of({{"query", {1}}, {"limit", sent}})->limit, taken);
  }
  for (const auto& [sent, taken] : std::vector<std::pair<uint32_t, uint32_t>>{{0, 0}, {9, 9}, {10'001, 10'000}}) {
    EXPECT_EQ(search_of({{"query", {1}}, {"timeout", sent}})->timeout_ms, taken);
  }
}

TEST(decode_search, takes_probes) {
  for (const uint32_t probes : {0u, 1u, 2u, 3u, 4294967295u}) {
    EXPECT_EQ(search_of({{"query", {1}}, {"probes", probes}})->probes, probes);
  }
  EXPECT_EQ(search_of({{"query", {1}}, {"probes", nullptr}})->probes, 0u);
}

TEST(decode_search, takes_null_for_absent_and_skips_what_it_does_not_know) {
  const auto r = search_of({{"a", {{"query", {9}}, {"x", {1, -2, 1.5, nullptr, true, "s", json::array()}}}},
                            {"limit", nullptr},
                            {"min_score", 4294967295u},
                            {"query", {0, 4294967295u}},
                            {"z", json::array({json::object()})}});
  ASSERT_TRUE(r);
  EXPECT_EQ(r->query.to_vector(), (std::vector<hash_value>{0, 4294967295u}));
  EXPECT_EQ(*r->min_score, 4294967295u);
  EXPECT_EQ(r->limit, 40u);
  EXPECT_TRUE(search_of({{"query", json::array()}})->query.empty());
}

TEST(decode_search, refuses_other_types_and_values) {
  for (const json& bad :
       {json(nullptr), json(-1), json(1.0), json(4294967296u), json("1"), json(true), json::array()}) {
    EXPECT_FALSE(search_of({{"query", json::array({1, bad})}})) << bad;
    if (bad.is_null()) continue;
    EXPECT_FALSE(search_of({{"query", {1}}, {"limit", bad}})) << bad;
    EXPECT_FALSE(search_of({{"query", {1}}, {"probes", bad}})) << bad;
    EXPECT_FALSE(search_of(bad)) << bad;
  }
  for (const json& bad : {json(nullptr), json(1), json("1"), json::object()})
    EXPECT_FALSE(search_of({{"query", bad}}));
  EXPECT_FALSE(search_of(json::object()));
}

TEST(decode_search, one_letter_keys_are_for_messagepack_alone) {
  const json body = {{"q", {5}}, {"l", 3}, {"t", 4}, {"m", 2}, {"s", 1}, {"p", 2}};
  const auto r = decode_search(packed(body), body_format::msgpack);
  ASSERT_TRUE(r);
  EXPECT_EQ(r->query.to_vector(), std::vector<hash_value>{5});
  EXPECT_EQ(r->limit, 3u);
  EXPECT_EQ(r->timeout_ms, 4u);
  EXPECT_EQ(*r->min_score, 2u);
  EXPECT_EQ(r->score_pct, 1u);
  EXPECT_EQ(r->probes, 2u);
  EXPECT_FALSE(decode_search(body.dump(), body_format::json));
  EXPECT_FALSE(decode_search(packed({{"q", {1}}, {"query", {1}}}), body_format::msgpack));
  EXPECT_FALSE(decode_search(R"({"query":[1],"query":[1]})", body_format::json));
}

TEST(decode_search, skips_keys_of_any_messagepack_type) {
  const auto q = packed("q") + packed(json::array({1, 2, 3}));
  const std::string nothing = packed(nullptr);
  for (const std::string& key : {packed(7), packed(-7), packed(-70000), packed(1.5), packed(nullptr), packed(true),
                                 packed(json::array({1, "a"})), packed(json{{"a", json::array({json{{"b", 2}}})}}),
                                 packed(json::binary({1, 2, 3})), packed(json::binary({1, 2, 3, 4}, 5)),
                                 packed(json::binary({1, 2, 3}, 5)), std::string("\xcf\0\0\0\0\0\0\0\1", 9)}) {
    for (const std::string& value :
         {nothing, packed(json{{"query", json::array({9})}}), packed(json::array({key.size()}))}) {
      for (const std::string& body : {"\x82" + key + value + q, "\x82" + q + key + value}) {
        const auto found = decode_search(body, body_format::msgpack);
        ASSERT_TRUE(found) << json(body).dump(-1, ' ', true, json::error_handler_t::replace);
        EXPECT_EQ(found->query.to_vector(), (std::vector<hash_value>{1, 2, 3}));
        // What is cut short anywhere is none.
        for (size_t n = 0; n < body.size(); n++) {
          EXPECT_FALSE(decode_search(std::string_view(body).substr(0, n), body_format::msgpack)) << n;
        }
        EXPECT_FALSE(decode_search(body + nothing, body_format::msgpack));
      }
    }
  }
  // An entry of metadata has a text as its key.
  const auto update = [](const std::string& key) {
    return decode_update(
        "\x82" + packed("changes") + packed(json::array()) + packed("metadata") + "\x81" + key + packed("v"),
        body_format::msgpack);
  };
  EXPECT_TRUE(update(packed("k")));
  EXPECT_FALSE(update(packed(7)));
}

TEST(decode_search, takes_numbers_in_any_messagepack_encoding) {
  const std::string numbers = std::string("\x81\xa1q\x99", 4) + std::string("\x07", 1) +
                              std::string("\xcc\x07", 2) + std::string("\xcd\0\x07", 3) +
                              std::string("\xce\0\0\0\x07", 5) + std::string("\xcf\0\0\0\0\0\0\0\x07", 9) +
                              std::string("\xd0\x07", 2) + std::string("\xd1\0\x07", 3) +
                              std::string("\xd2\0\0\0\x07", 5) + std::string("\xd3\0\0\0\0\0\0\0\x07", 9);
  const auto r = decode_search(numbers, body_format::msgpack);
  ASSERT_TRUE(r);
  EXPECT_EQ(r->query.to_vector(), std::vector<hash_value>(9, 7));
}

/// The way from here to who searches is that of tests/actors/search_copies_test.cpp.
TEST(decode_search, copies_its_hashes_once) {
  constexpr size_t num_hashes = 30'011;  // no size that a list grows to by itself
  const json body{{"query", std::vector<hash_value>(num_hashes, 123'456'789)}};
  const auto texts = {std::pair(body.dump(), body_format::json), std::pair(packed(body), body_format::msgpack)};
  for (const auto& [text, format] : texts) {
    test::count_allocations_of(num_hashes * sizeof(hash_value));
    const auto shared = std::make_shared<const search_request>(*decode_search(text, format));
    EXPECT_EQ(test::num_allocations_of_that_size(), 1u);
    EXPECT_EQ(shared->query.size(), num_hashes);
  }
}

TEST(decode_update, keeps_the_order_of_changes) {
  const auto changes = update_of({{"changes",
                                   {{{"insert", {{"hashes", {3, 1, 3}}, {"id", 7}}}, {"delete", nullptr}},
                                    {{"delete", {{"id", 9}}}},
                                    {{"set_metadata", {{"entries", {{{"key", "k"}, {"value", "v\n\xc3\xbc"}}}}}}},
                                    {{"set_attribute", {{"value", 18446744073709551615u}, {"name", "n"}}}},
                                    {{"insert", {{"id", 0}, {"hashes", json::array()}}}}}},
                                  {"metadata", {{"k", "w"}}}});
  EXPECT_EQ(changes, json::parse(R"([["insert",7,[3,1,3]],["erase",9],["set","k","v\n\u00fc"],
                                     ["set","n","18446744073709551615"],["insert",0,[]],["set","k","w"]])"));
}

TEST(decode_update, tells_the_changes_with_the_same_letter_apart) {
  const json body = {{"c",
                      {{{"s", {{"n", "a"}, {"v", 1}}}},
                       {{"s", {{"e", {{{"k", "b"}, {"v", "2"}}}}}}},
                       {{"i", {{"i", 1}, {"h", {2}}}}, {"d", nullptr}},
                       {{"d", {{"i", 3}}}}}},
                     {"m", {{"e", "f"}}},
                     {"e", 5}};
  const auto update = decode_update(packed(body), body_format::msgpack);
  ASSERT_TRUE(update);
  EXPECT_EQ(changes_of(*update),
            json::parse(R"([["set","a","1"],["set","b","2"],["insert",1,[2]],["erase",3],["set","e","f"]])"));
  EXPECT_EQ(update->expected_version, 5u);
}

TEST(decode_update, refuses_what_is_no_change) {
  const json bad[] = {json::object(),
                      {{"insert", nullptr}},
                      {{"insert", {{"id", 1}}}},
                      {{"delete", json::object()}},
                      {{"delete", {{"id", 1}}}, {"insert", {{"id", 1}, {"hashes", {1}}}}},
                      {{"set_metadata", json::object()}},
                      {{"set_metadata", {{"entries", {{{"key", "a"}}}}}}},
                      {{"set_attribute", {{"name", "a"}}}},
                      {{"set_attribute", {{"name", "a"}, {"value", 1}, {"entries", json::array()}}}},
                      json(1),
                      json(nullptr),
                      json::array(),
                      {{"insert", json::array()}}};
  for (const auto& change : bad) EXPECT_FALSE(update_of({{"changes", json::array({change})}})) << change;
  EXPECT_FALSE(update_of(json::object()));
  EXPECT_FALSE(update_of({{"changes", nullptr}}));
  EXPECT_FALSE(update_of({{"changes", json::object()}}));
  EXPECT_FALSE(update_of({{"changes", json::array()}, {"metadata", {{"a", 1}}}}));
  EXPECT_TRUE(update_of({{"changes", json::array()}, {"metadata", {{"a", nullptr}}}})) << "a removal";
  EXPECT_FALSE(update_of({{"changes", json::array()}, {"metadata", json::array()}}));
  EXPECT_TRUE(update_of({{"changes", json::array()}, {"metadata", nullptr}}));
}

TEST(decode_bodies, must_end_where_the_text_ends) {
  for (const char* text : {"",
                           " ",
                           "{",
                           "[]",
                           "null",
                           "1",
                           "\"\"",
                           "{\"query\":[1]}}",
                           "{\"query\":[1]} {}",
                           "{\"query\":[1]},",
                           "{\"query\":[1],}",
                           "{\"query\":[1,]}",
                           "{\"query\":[1}",
                           "{\"query\":[01]}",
                           "{\"query\":[1 2]}",
                           "{\"query\":[1],\"x\":[1 2]}",
                           "{\"query\":[1],\"x\":tru}",
                           "{\"query\":[1],\"x\":nulll}",
                           "{\"query\":[1],\"x\":+1}",
                           "{\"query\":[1],\"x\":1.}",
                           "{\"query\":[1],\"x\":\"\\q\"}",
                           "{\"query\":[1],\"x\":\"\t\"}",
                           "{\"query\":[1],\"x\":\"\xff\"}",
                           "{\"query\":[1],\"x\"}",
                           "{query:[1]}",
                           "{\"query\":[1]",
                           "{\"query\":[1],\"x\":{\"a\":1,}}",
                           "{\"query\":[1],\"x\":\"a}"}) {
    EXPECT_FALSE(decode_search(text, body_format::json)) << text;
  }
  EXPECT_TRUE(decode_search(" \n{ \"query\" : [ 1 ] }\t ", body_format::json));
  const auto good = packed({{"query", {1}}});
  EXPECT_TRUE(decode_search(good, body_format::msgpack));
  for (size_t cut = 0; cut < good.size(); cut++)
    EXPECT_FALSE(decode_search(good.substr(0, cut), body_format::msgpack));
  EXPECT_FALSE(decode_search(good + '\0', body_format::msgpack));
  EXPECT_FALSE(
      decode_update(packed({{"changes", json::array()}, {"metadata", {{"a", "\xff"}}}}), body_format::msgpack));
}

TEST(decode_bodies, refuse_deep_nesting) {
  const std::string deep(1'000'000, '[');
  EXPECT_FALSE(decode_search("{\"x\":" + deep, body_format::json));
  EXPECT_FALSE(
      decode_search("{\"x\":" + deep + std::string(deep.size(), ']') + ",\"query\":[1]}", body_format::json));
  std::string objects;
  for (int i = 0; i < 100'000; i++) objects += "{\"a\":";
  EXPECT_FALSE(decode_search("{\"x\":" + objects, body_format::json));
  EXPECT_FALSE(decode_search("\x81\xa1x" + std::string(1'000'000, '\x91'), body_format::msgpack));
  std::string maps;
  for (int i = 0; i < 100'000; i++)
    maps +=
        "\x81\xa1"
        "a";
  EXPECT_FALSE(decode_search(maps, body_format::msgpack));
  // What is nested a little is skipped.
  EXPECT_TRUE(decode_search("{\"x\":[[[[[[[[{\"a\":[]}]]]]]]]],\"query\":[1]}", body_format::json));
}

TEST(decode_bodies, do_not_believe_declared_sizes) {
  for (const std::string& head : {std::string("\xdd\xff\xff\xff\xff"), std::string("\xdf\xff\xff\xff\xff"),
                                  std::string("\xdb\xff\xff\xff\xff"), std::string("\xc6\xff\xff\xff\xff"),
                                  std::string("\xc9\xff\xff\xff\xff\x01"), std::string("\xdc\xff\xff")}) {
    EXPECT_FALSE(decode_search("\x81\xa1q" + head, body_format::msgpack));
    EXPECT_FALSE(decode_search("\x81\xa1x" + head, body_format::msgpack));
    EXPECT_FALSE(
        decode_update("\x81\xa1"
                      "c" +
                          head,
                      body_format::msgpack));
    EXPECT_FALSE(decode_search(head, body_format::msgpack));
  }
}

/// Whatever arrives, a decoder either refuses it or makes something of it that is valid in itself.
TEST(decode_bodies, bear_damaged_bodies) {
  const json body = {{"changes",
                      {{{"insert", {{"id", 7}, {"hashes", {3, 70'000, 4'000'000'000u}}}}, {"delete", nullptr}},
                       {{"delete", {{"id", 9}}}},
                       {{"set_metadata", {{"entries", {{{"key", "k"}, {"value", "v\n"}}}}}}},
                       {{"set_attribute", {{"value", 5}, {"name", "n"}}}}}},
                     {"metadata", {{"k", "w"}}},
                     {"unknown", {1, {{"a", -1.5}}, true}},
                     {"expected_version", 3}};
  std::mt19937 random(11);
  size_t refused = 0, taken = 0;
  for (const auto format : {body_format::json, body_format::msgpack}) {
    const std::string original = format == body_format::json ? body.dump() : packed(body);
    ASSERT_TRUE(decode_update(original, format));
    for (int round = 0; round < 20'000; round++) {
      std::string text = original;
      for (unsigned edits = 1 + random() % 3; edits > 0 && !text.empty(); edits--) {
        const size_t at = random() % text.size();
        switch (random() % 5) {
          case 0:
            text[at] = static_cast<char>(random());
            break;
          case 1:
            text.erase(at, 1 + random() % 9);
            break;
          case 2:
            text.insert(at, text.substr(random() % text.size(), random() % 20));
            break;
          case 3:
            text.resize(at);
            break;
          default:
            text[at] = static_cast<char>(text[at] ^ (1 << random() % 8));
        }
      }
      for (const auto as : {body_format::json, body_format::msgpack}) {
        const auto update = decode_update(text, as);
        (update ? taken : refused)++;
        if (update) {
          changes_reader reader(update->changes);
          change_view c;
          while (reader.next(c)) {
          }
        }
        // Only a well-formed text may be taken.
        if (update && as == body_format::json) {
          EXPECT_TRUE(json::accept(text)) << text;
        }
        decode_search(text, as);
        decode_document(text, as);
        decode_create(text, as);
        decode_delete(text, as);
      }
    }
  }
  EXPECT_GT(refused, 1000u);
  EXPECT_GT(taken, 1000u);
}

TEST(decode_small_bodies, have_defaults) {
  for (const auto format : {body_format::json, body_format::msgpack}) {
    const auto text = [&](const json& j) { return format == body_format::json ? j.dump() : packed(j); };
    EXPECT_FALSE(decode_create(text(json::object()), format)->generation);
    EXPECT_EQ(decode_create(text({{"generation", UINT64_MAX}}), format)->generation, UINT64_MAX);
    EXPECT_TRUE(decode_create(text({{"expect_does_not_exist", true}}), format)->expect_does_not_exist);
    EXPECT_FALSE(decode_create(text({{"expect_does_not_exist", 1}}), format));
    EXPECT_FALSE(decode_create(text({{"generation", -1}}), format));
    EXPECT_FALSE(decode_delete(text(json::object()), format)->expect_exists);
    EXPECT_TRUE(decode_delete(text({{"expect_exists", true}}), format)->expect_exists);
    EXPECT_EQ(decode_document(text({{"hashes", {2, 1}}}), format), (std::vector<hash_value>{2, 1}));
    EXPECT_EQ(decode_document(text({{"hashes", json::array()}}), format), std::vector<hash_value>{});
    EXPECT_FALSE(decode_document(text(json::object()), format));
  }
}

TEST(encode, is_the_same_in_both_formats_but_for_the_keys) {
  const auto parsed = [](const std::string& s) { return json::from_msgpack(s); };
  search_reply found;
  std::vector<search_result> results;
  for (uint32_t i = 0; i < 20; i++) results.push_back({i << 28 | i, 1u << i});
  found.results = results;
  const auto in_json = json::parse(encode_search(found, body_format::json));
  const auto in_msgpack = parsed(encode_search(found, body_format::msgpack));
  ASSERT_EQ(in_json["results"].size(), 20u);
  ASSERT_EQ(in_msgpack["r"].size(), 20u);
  for (size_t i = 0; i < 20; i++) {
    EXPECT_EQ(in_json["results"][i], (json{{"id", results[i].id}, {"score", results[i].score}}));
    EXPECT_EQ(in_msgpack["r"][i], (json{{"i", results[i].id}, {"s", results[i].score}}));
  }
  for (const uint64_t n : {uint64_t{0}, uint64_t{127}, uint64_t{128}, uint64_t{255}, uint64_t{256}, uint64_t{65535},
                           uint64_t{65536}, uint64_t{4294967295}, uint64_t{4294967296}, UINT64_MAX}) {
    EXPECT_EQ(json::parse(encode_version(n, body_format::json)), (json{{"version", n}}));
    EXPECT_EQ(parsed(encode_version(n, body_format::msgpack)), (json{{"v", n}}));
  }
  const json nothing = {{"min_doc_id", 0}, {"max_doc_id", 0}, {"num_segments", 0}, {"num_docs", 0}};
  EXPECT_EQ(json::parse(encode_info(info_of(snapshot()), body_format::json)),
            (json{{"version", 0}, {"metadata", json::object()}, {"stats", nothing}}));
  changes_encoder changes;
  changes.insert(7, std::vector<hash_value>{1});
  changes.insert(8, std::vector<hash_value>{1});
  json metadata = json::object();
  for (const size_t length : {0, 31, 32, 255, 256, 65535, 65536}) {
    const auto key = "k" + std::to_string(length) + "\"\\\x01";
    metadata[key] = std::string(length, 'x');
    changes.set_metadata(key, std::string(length, 'x'));
  }
  const auto index = snapshot::from_segments({test::make_segment(test::make_commit(3, changes))});
  const json stats = {{"min_doc_id", 7}, {"max_doc_id", 8}, {"num_segments", 1}, {"num_docs", 2}};
  EXPECT_EQ(json::parse(encode_info(info_of(*index), body_format::json)),
            (json{{"version", 3}, {"metadata", metadata}, {"stats", stats}}));
  EXPECT_EQ(parsed(encode_info(info_of(*index), body_format::msgpack)),
            (json{{"v", 3}, {"m", metadata}, {"s", stats}}));
  found.missing = {"2/4"};
  EXPECT_EQ(json::parse(encode_search(found, body_format::json))["missing"], json{"2/4"});
  EXPECT_EQ(parsed(encode_search(found, body_format::msgpack))["missing"], json{"2/4"});
  EXPECT_EQ(encode_empty(body_format::json), "{}");
  EXPECT_EQ(encode_empty(body_format::msgpack), "\x80");
  EXPECT_EQ(encode_error("X", "", body_format::json), R"({"error":"X"})");
  EXPECT_EQ(parsed(encode_error("X", "y", body_format::msgpack)), (json{{"e", "X"}, {"r", "y"}}));
}

TEST(encode, replaces_bytes_that_are_not_utf8) {
  changes_encoder changes;
  changes.set_metadata("k", "a\xff");
  const auto index = snapshot::from_segments({test::make_segment(test::make_commit(1, changes))});
  EXPECT_EQ(json::parse(encode_info(info_of(*index), body_format::json))["metadata"]["k"], "a\xef\xbf\xbd");
}

}  // namespace
}  // namespace fp
