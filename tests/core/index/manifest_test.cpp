#include "core/index/manifest.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <random>

#include "core/base/error.hpp"
#include "core/index/checked_json.hpp"
#include "core/merge/merge.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/faulty_file_system.hpp"
#include "tests/core/support/folder_contents.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

using nlohmann::json;

manifest_entry make_entry(commit_id first, commit_id last) {
  manifest_entry entry;
  entry.file_name = segment_file_name(first, last);
  entry.info = {.previous_commit = first - 1,
                .first_commit = first,
                .last_commit = last,
                .num_postings = UINT64_MAX,
                .num_documents = 100,
                .num_tombstones = 3,
                .min_document = 1,
                .max_document = UINT32_MAX,
                .num_bytes = 12345,
                .checksum = 0x00ab00000000cd00 + first};
  return entry;
}

class manifest_test : public ::testing::Test {
 protected:
  error read_error() {
    try {
      read_manifest(fs_, folder_.path());
    } catch (const error& e) {
      return e;
    }
    ADD_FAILURE() << "read";
    return error(errc::internal_error, "");
  }

  void write_text(const std::string& text) { replace_file(fs_, folder_ / "manifest.json", text); }

  /// Changes the written manifest behind a valid checksum.
  void edit(const std::function<void(json&)>& change, uint64_t version = manifest_version) {
    write_manifest(fs_, folder_.path(), sample_);
    json object = json::parse(read_file(fs_, folder_ / "manifest.json"));
    object.erase("checksum");
    change(object);
    write_text(dump_checked_json(object, version));
  }

  test::temporary_folder folder_;
  file_system& fs_ = posix_file_system();
  manifest sample_{{make_entry(1, 7), make_entry(8, 8), make_entry(9, 300)}};
};

TEST_F(manifest_test, round_trip) {
  for (const manifest& m : {manifest{}, sample_}) {
    write_manifest(fs_, folder_.path(), m);
    EXPECT_EQ(read_manifest(fs_, folder_.path()), m);
    EXPECT_EQ(fs_.list(folder_.path()), std::vector<std::string>{"manifest.json"});
  }
  EXPECT_EQ(sample_.num_bytes(), 3 * 12345u);
}

TEST_F(manifest_test, names_sort_by_history) {
  EXPECT_EQ(segment_file_name(1, 255), "0000000000000001-00000000000000ff.seg");
  EXPECT_LT(segment_file_name(9, 15), segment_file_name(16, 16));
}

TEST_F(manifest_test, a_segment_that_is_rewritten_alone_gets_a_name_of_its_own) {
  snapshot_ptr s = snapshot::from_segments({test::make_segment(test::make_commit(1, {{1, {1}}, {2, {2}}})),
                                            test::make_segment(test::make_commit(2, {{1, {3}}}))});
  const auto of = [&](size_t first, size_t count) {
    return merged_file_name(*s->entries()[first].segment, *s->entries()[first + count - 1].segment);
  };
  EXPECT_EQ(of(0, 1), segment_file_name(1, 1));
  EXPECT_EQ(of(0, 2), segment_file_name(1, 2));
  for (const std::string suffix : {"", "-1", "-2", "-3"}) {
    const std::string name = of(0, 1);
    EXPECT_EQ(name, "0000000000000001-0000000000000001" + suffix + ".seg");
    s = s->with_replaced(0, 1, merge_to_file(*s, 0, 1, fs_, folder_ / name, load_mode::map));
    EXPECT_EQ(segment_file_name(*s->entries()[0].segment), name);
    const manifest named{{{name, s->entries()[0].segment->info()}}};
    write_manifest(fs_, folder_.path(), named);
    EXPECT_EQ(read_manifest(fs_, folder_.path()), named);
    for (const std::string& file : sweep_data_folder(fs_, folder_.path(), named)) EXPECT_NE(file, name);
  }
  EXPECT_EQ(of(0, 2), segment_file_name(1, 2));
}

TEST_F(manifest_test, a_missing_file_is_empty_only_without_segments) {
  EXPECT_EQ(read_manifest(fs_, folder_.path()), manifest{});
  fs_.create(folder_ / "x.seg.tmp");
  EXPECT_EQ(read_manifest(fs_, folder_.path()), manifest{});
  fs_.create(folder_ / segment_file_name(1, 1));
  const error e = read_error();
  EXPECT_EQ(e.code(), errc::corrupt_data);
  EXPECT_NE(std::string(e.what()).find((folder_ / "manifest.json").string()), std::string::npos) << e.what();
}

TEST_F(manifest_test, detects_every_bit_flip_and_truncation) {
  sample_.segments.resize(2);
  write_manifest(fs_, folder_.path(), sample_);
  const auto pristine = test::read_folder(folder_.path());
  const std::string& text = pristine.at("manifest.json");
  size_t num_detected = 0;
  const auto expect_detected_or_harmless = [&](const std::string& damaged) {
    test::write_folder(folder_.path(), {{"manifest.json", damaged}});
    try {
      ASSERT_EQ(read_manifest(fs_, folder_.path()), sample_);
    } catch (const error& e) {
      ASSERT_EQ(e.code(), errc::corrupt_data) << e.what();
      num_detected++;
    }
  };
  for (size_t bit = 0; bit < text.size() * 8; bit++) {
    std::string damaged = text;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    ASSERT_NO_FATAL_FAILURE(expect_detected_or_harmless(damaged)) << bit;
  }
  EXPECT_EQ(num_detected, text.size() * 8);
  num_detected = 0;
  for (size_t size = 0; size < text.size(); size++) {
    ASSERT_NO_FATAL_FAILURE(expect_detected_or_harmless(text.substr(0, size))) << size;
  }
  EXPECT_EQ(num_detected, text.size());
}

TEST_F(manifest_test, rejects_what_is_not_a_manifest) {
  const std::string deep = R"({"checksum":"0000000000000000","x":)" + std::string(100'000, '[');
  for (const std::string& text : {std::string(), std::string("null"), std::string("[]"), std::string("{}"),
                                  std::string(R"({"checksum":1})"), std::string("{\"a\":\xff}"), deep}) {
    write_text(text);
    EXPECT_EQ(read_error().code(), errc::corrupt_data) << text.substr(0, 50);
  }
}

TEST_F(manifest_test, rejects_wrong_fields_behind_a_valid_checksum) {
  edit([](json&) {});
  EXPECT_EQ(read_manifest(fs_, folder_.path()), sample_);
  const std::vector<std::pair<const char*, std::function<void(json&)>>> edits{
      {"segments", [](json& m) { m.erase("segments"); }},
      {"segments", [](json& m) { m["segments"] = json::object(); }},
      {"surplus", [](json& m) { m["surplus"] = 1; }},
      {"segments[1].", [](json& m) { m["segments"][1] = 5; }},
      {"segments[1].surplus", [](json& m) { m["segments"][1]["surplus"] = 1; }},
      {"segments[2].num_bytes", [](json& m) { m["segments"][2].erase("num_bytes"); }},
      {"segments[2].num_bytes", [](json& m) { m["segments"][2]["num_bytes"] = -1; }},
      {"segments[2].num_bytes", [](json& m) { m["segments"][2]["num_bytes"] = 1.5; }},
      {"segments[2].num_bytes", [](json& m) { m["segments"][2]["num_bytes"] = "1"; }},
      {"segments[0].max_document", [](json& m) { m["segments"][0]["max_document"] = uint64_t{1} << 32; }},
      {"segments[0].checksum", [](json& m) { m["segments"][0]["checksum"] = "12"; }},
      {"segments[0].checksum", [](json& m) { m["segments"][0]["checksum"] = 12; }},
      {"segments[0].file_name", [](json& m) { m["segments"][0]["file_name"] = nullptr; }},
      {"file_name", [](json& m) { m["segments"][0]["file_name"] = "a/b.seg"; }},
      {"file_name", [](json& m) { m["segments"][0]["file_name"] = "../b.seg"; }},
      {"file_name", [](json& m) { m["segments"][0]["file_name"] = ".."; }},
      {"file_name", [](json& m) { m["segments"][0]["file_name"] = "..seg"; }},
      {"file_name", [](json& m) { m["segments"][0]["file_name"] = ""; }},
      {"file_name", [](json& m) { m["segments"][0]["file_name"] = std::string("a\0.seg", 6); }},
      {"file_name", [](json& m) { m["segments"][0]["file_name"] = "manifest.json"; }},
      {"twice", [](json& m) { m["segments"][0]["file_name"] = m["segments"][1]["file_name"]; }},
      {"range", [](json& m) { m["segments"][1]["first_commit"] = 0; }},
      {"range", [](json& m) { m["segments"][0]["first_commit"] = 8; }},
      {"range", [](json& m) { m["segments"][0]["previous_commit"] = 1; }},
      {"range", [](json& m) { m["segments"][1]["first_part"] = m["segments"][1]["last_part"] = 2; }},
      {"last_part", [](json& m) { m["segments"][1]["last_part"] = uint64_t{1} << 32; }},
      {"segments[1].previous_commit", [](json& m) { m["segments"][1].erase("previous_commit"); }},
      {"begins behind 7 after a segment that ends with 6", [](json& m) { m["segments"][0]["last_commit"] = 6; }},
      {"begins behind 7 after a segment that ends with 8", [](json& m) { m["segments"][0]["last_commit"] = 8; }},
      {"begins behind 8 after a segment that ends with 7", [](json& m) { m["segments"].erase(1); }},
      {"begins behind 6 after", [](json& m) { m["segments"][1]["previous_commit"] = 6; }},
      {"begins behind 7 after a segment that ends with part 1 of 7",
       [](json& m) { m["segments"][0]["last_part"] = 1; }},
      {"ends with part 1 of 300, and nothing follows", [](json& m) { m["segments"][2]["last_part"] = 1; }},
      {"tombstones", [](json& m) { m["segments"][0]["num_tombstones"] = 101; }},
      {"min_document", [](json& m) { m["segments"][0]["max_document"] = 0; }},
  };
  for (const auto& [named, change] : edits) {
    edit(change);
    const error e = read_error();
    EXPECT_EQ(e.code(), errc::corrupt_data) << e.what();
    EXPECT_NE(std::string(e.what()).find(named), std::string::npos) << named << ": " << e.what();
  }
  edit([](json&) {}, manifest_version + 1);
  EXPECT_EQ(read_error().code(), errc::unsupported_format);
}

TEST_F(manifest_test, version_1_names_what_is_consecutive) {
  const auto as_version_1 = [](json& m) {
    for (json& s : m["segments"]) {
      for (const char* key : {"previous_commit", "first_part", "last_part"}) s.erase(key);
    }
  };
  edit(as_version_1, 1);
  EXPECT_EQ(read_manifest(fs_, folder_.path()), sample_);
  edit(as_version_1);
  EXPECT_EQ(read_error().code(), errc::corrupt_data);
  edit([](json&) {}, 1);
  EXPECT_EQ(read_error().code(), errc::corrupt_data);
  edit(
      [&](json& m) {
        as_version_1(m);
        m["segments"][0]["first_commit"] = 0;
      },
      1);
  EXPECT_EQ(read_error().code(), errc::corrupt_data);
}

TEST_F(manifest_test, segments_may_jump_and_share_a_commit) {
  sample_.segments[1].info.first_commit = 500;
  sample_.segments[1].info.last_commit = sample_.segments[2].info.first_commit = 1000;
  sample_.segments[1].info.last_part = sample_.segments[2].info.first_part = 3;
  sample_.segments[2].info.last_commit = 1000;
  for (auto& entry : sample_.segments) entry.file_name = segment_file_name(entry.info.commits());
  write_manifest(fs_, folder_.path(), sample_);
  EXPECT_EQ(read_manifest(fs_, folder_.path()), sample_);
  EXPECT_EQ(sample_.segments[1].file_name, "00000000000001f4-00000000000003e8.00000003.seg");
  EXPECT_EQ(sample_.segments[2].file_name, "00000000000003e8.00000003-00000000000003e8.seg");
  sample_.segments.erase(sample_.segments.begin() + 1);
  EXPECT_THROW(write_manifest(fs_, folder_.path(), sample_), error);
}

TEST_F(manifest_test, does_not_write_what_it_would_not_read) {
  write_manifest(fs_, folder_.path(), sample_);
  for (const manifest& bad :
       {manifest{{make_entry(1, 7), make_entry(9, 9)}}, manifest{{make_entry(0, 7)}},
        manifest{{make_entry(1, 7), make_entry(7, 9)}}, manifest{{{"../x.seg", make_entry(1, 7).info}}}}) {
    EXPECT_THROW(write_manifest(fs_, folder_.path(), bad), error);
  }
  EXPECT_EQ(read_manifest(fs_, folder_.path()), sample_);
}

TEST_F(manifest_test, every_failure_leaves_the_old_one) {
  test::faulty_file_system faulty(fs_);
  const manifest after{{make_entry(1, 8), make_entry(9, 300)}};
  size_t num_old = 0, num_new = 0;
  for (const bool after_effect : {false, true}) {
    for (uint64_t nth = 1;; nth++) {
      write_manifest(fs_, folder_.path(), sample_);
      faulty.fail(nth, {.short_write = 20, .after_effect = after_effect});
      bool failed = false;
      try {
        write_manifest(faulty, folder_.path(), after);
      } catch (const error&) {
        failed = true;
      }
      faulty.heal();
      const manifest found = read_manifest(fs_, folder_.path());
      ASSERT_EQ(found, failed ? sample_ : after);
      ASSERT_EQ(fs_.list(folder_.path()), std::vector<std::string>{"manifest.json"});
      (found == after ? num_new : num_old)++;
      if (!failed) break;
    }
  }
  EXPECT_GE(num_old, 6u);
  EXPECT_GE(num_new, 2u);
}

TEST_F(manifest_test, sweeps_only_garbage) {
  write_manifest(fs_, folder_.path(), sample_);
  for (const manifest_entry& entry : sample_.segments) fs_.create(folder_ / entry.file_name);
  fs_.create(folder_ / segment_file_name(1, 8));
  fs_.create(folder_ / "old.seg.tmp");
  fs_.create(folder_ / "manifest.json.tmp");
  fs_.create(folder_ / "notes.txt");
  EXPECT_EQ(sweep_data_folder(fs_, folder_.path(), sample_),
            (std::vector<std::string>{segment_file_name(1, 8), "manifest.json.tmp", "old.seg.tmp"}));
  EXPECT_EQ(fs_.list(folder_.path()),
            (std::vector<std::string>{sample_.segments[0].file_name, sample_.segments[1].file_name,
                                      sample_.segments[2].file_name, "manifest.json", "notes.txt"}));
  EXPECT_TRUE(sweep_data_folder(fs_, folder_.path(), sample_).empty());
}

}  // namespace
}  // namespace fp
