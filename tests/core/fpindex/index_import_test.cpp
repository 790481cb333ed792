#include "core/fpindex/index_import.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/base/error.hpp"
#include "core/fpindex/data_folder_reader.hpp"
#include "core/fpindex/snapshot_reader.hpp"
#include "core/search/search.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/full_size.hpp"
#include "tests/core/support/temporary_folder.hpp"
#include "tests/support/source_file.hpp"

namespace fp::fpindex {
namespace {

using json = nlohmann::json;
namespace fs = std::filesystem;

const fp::path real_data = test::source_file("tests/data/fpindex");

const json& expectations() {
  static const json all = json::parse(std::ifstream(real_data / "expected.json"));
  return all;
}

/// An import of a folder's index, done in the order of its segments, and what it left.
struct imported_index {
  test::temporary_folder spool;
  snapshot_ptr index;
  import_report report;
};

std::unique_ptr<imported_index> import_index(const stored_index& from, bool salvage = false) {
  auto out = std::make_unique<imported_index>();
  auto& files = posix_file_system();
  index_import work(files, out->spool.path(), fpindex::read_manifest(files, from.data), from.oplog,
                    {salvage, nullptr, {}});
  for (size_t i = 0; i < work.segments().size(); i++) {
    work.convert(i, from.data / segment_file_name(work.segments()[i]));
  }
  out->index = work.finish();
  out->report = work.report();
  return out;
}

stored_index index_of(const fp::path& root, const std::string& name) {
  for (auto& index : read_data_folder(posix_file_system(), root)) {
    if (index.name == name) return index;
  }
  throw std::runtime_error("no index " + name);
}

/// Searches as an fpindex server was asked for, and its answers; `repeats` holds documents that it scores higher.
void expect_answers(const snapshot& index, const json& expected, bool with_searches) {
  EXPECT_EQ(index.version(), expected["info"]["version"].get<uint64_t>());
  EXPECT_EQ(json(index.metadata().to_map()), expected["info"]["metadata"]);
  for (const auto& lookup : expected["lookups"]) {
    const auto state = index.find(lookup["id"].get<document_id>());
    ASSERT_EQ(state.has_value(), lookup["status"] == 200) << lookup;
    if (!state) continue;
    EXPECT_EQ(state->commit, lookup["answer"]["version"].get<uint64_t>()) << lookup;
  }
  if (!with_searches) return;
  searcher search;
  for (const auto& s : expected["searches"]) {
    search_options options;
    const auto& request = s["request"];
    options.limit = request.value("limit", 40u);
    options.score_pct = request.value("score_pct", 10u);
    if (request.contains("min_score")) options.min_score = request["min_score"].get<uint32_t>();
    const auto found = search.search(index, request["query"].get<std::vector<hash_value>>(), options);
    json results = json::array();
    for (const auto& [id, score] : found.results) results.push_back({{"id", id}, {"score", score}});
    EXPECT_EQ(results, s["answer"]["results"]);
  }
}

TEST(FpindexImport, AnswersAsTheServerDidWhoseFolderItIs) {
  size_t num_indexes = 0, num_searches = 0;
  for (const auto& from : read_data_folder(posix_file_system(), real_data / "folder")) {
    SCOPED_TRACE(from.name);
    ASSERT_EQ(from.damage, "");
    EXPECT_EQ(from.is_deleted, from.name == "gone");
    if (from.is_deleted) continue;
    num_indexes++;
    const auto made = import_index(from);
    const auto& expected = expectations()[from.name];
    EXPECT_EQ(from.generation, expected["status"]["generation"].get<uint64_t>());
    expect_answers(*made->index, expected, from.name != "repeats");
    num_searches += expected["searches"].size();
    EXPECT_EQ(made->report.num_repeating > 0, from.name == "repeats");
    EXPECT_EQ(made->report.num_hidden, 0u);
    EXPECT_TRUE(made->report.notes.empty() && made->report.losses.empty());
  }
  EXPECT_EQ(num_indexes, 5u);
  EXPECT_EQ(num_searches, 160u);
}

TEST(FpindexImport, BringsWhatTheServerWouldNotFindAnyMore) {
  const auto made = import_index(index_of(real_data / "torn-then-written", "main"));
  EXPECT_EQ(made->index->version(), 192u);
  for (const document_id id : {5000, 5001, 5002}) EXPECT_TRUE(made->index->find(id)) << id;
  EXPECT_EQ(made->report.num_hidden, 3u);
  ASSERT_EQ(made->report.notes.size(), 1u);
  EXPECT_NE(made->report.notes[0].find("0000000000000097.xlog: offset "), std::string::npos);
}

TEST(FpindexImport, ReadsASnapshotStream) {
  class file_stream final : public byte_source {
   public:
    explicit file_stream(const fp::path& file) : in_(file, std::ios::binary) {}
    size_t read(std::span<std::byte> out) override {
      in_.read(reinterpret_cast<char*>(out.data()),
               static_cast<std::streamsize>(std::min<size_t>(out.size(), 1000)));
      return static_cast<size_t>(in_.gcount());
    }

   private:
    std::ifstream in_;
  };
  file_stream stream(real_data / "main.snapshot");
  snapshot_reader reader("main.snapshot", stream);
  EXPECT_EQ(reader.header().generation, 1u);
  ASSERT_EQ(reader.header().files.size(), 8u);
  test::temporary_folder folder;
  const auto source = index_of(real_data / "folder", "main");
  for (const auto& segment : reader.header().files) {
    reader.copy_file(posix_file_system(), folder / "got");
    EXPECT_EQ(read_file(posix_file_system(), folder / "got"),
              read_file(posix_file_system(), source.data / segment_file_name(segment.info)));
  }
  EXPECT_NO_THROW(reader.finish());
  file_stream empty(real_data / "empty.snapshot");
  EXPECT_TRUE(snapshot_reader("empty.snapshot", empty).header().files.empty());
}

/// A copy of an index, to be damaged.
class damaged_copy {
 public:
  explicit damaged_copy(const std::string& name) : name_(name) {
    fs::copy(real_data / "folder" / name, folder_ / name, fs::copy_options::recursive);
  }
  stored_index index() const { return index_of(folder_.path(), name_); }
  std::string contents(const fp::path& file) const { return read_file(posix_file_system(), file); }
  void put(const fp::path& file, std::string_view contents) const {
    posix_file_system().create(file)->write_at(0, std::as_bytes(std::span(contents)));
  }

 private:
  std::string name_;
  test::temporary_folder folder_;
};

TEST(FpindexImport, TakesALogThatIsCutAnywhere) {
  const damaged_copy copy("again");
  const auto log = copy.index().oplog / "0000000000000001.xlog";
  const auto whole = copy.contents(log);
  // Records end here.
  std::vector<size_t> ends{0};
  for (size_t at = 0; at < whole.size(); at = ends.back()) {
    uint32_t length;
    std::memcpy(&length, whole.data() + at, sizeof length);
    ends.push_back(at + 8 + length);
  }
  ASSERT_EQ(ends.size(), 6u);
  for (size_t size = 0; size <= whole.size(); size++) {
    copy.put(log, std::string_view(whole).substr(0, size));
    const auto made = import_index(copy.index());
    const auto complete = static_cast<size_t>(std::upper_bound(ends.begin(), ends.end(), size) - ends.begin()) - 1;
    EXPECT_EQ(made->index->version(), complete) << size;
    EXPECT_EQ(made->report.notes.size(), ends[complete] == size ? 0u : 1u) << size;
  }
}

TEST(FpindexImport, TakesNoWrongCommitFromALogWithAFlippedBit) {
  const damaged_copy copy("again");
  const auto log = copy.index().oplog / "0000000000000001.xlog";
  const auto whole = copy.contents(log);
  size_t refused = 0, noted = 0;
  for (size_t bit = 0; bit < whole.size() * 8; bit++) {
    auto flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    copy.put(log, flipped);
    try {
      const auto made = import_index(copy.index());
      // The last record: as after a crash.
      EXPECT_EQ(made->index->version(), 4u) << bit;
      EXPECT_EQ(made->report.notes.size(), 1u);
      noted++;
    } catch (const error& e) {
      EXPECT_EQ(e.code(), errc::corrupt_data);
      EXPECT_NE(std::string(e.what()).find(".xlog: offset "), std::string::npos) << e.what();
      EXPECT_NE(std::string(e.what()).find(" missing"), std::string::npos) << e.what();
      refused++;
    }
    if (bit % 16 != 0) continue;
    const auto salvaged = import_index(copy.index(), true);
    EXPECT_GE(salvaged->index->version(), 4u);
    EXPECT_EQ(salvaged->report.losses.size() + salvaged->report.notes.size() > 0, true);
  }
  EXPECT_GT(refused, noted);
  EXPECT_GT(noted, 0u);
}

TEST(FpindexImport, RefusesAMissingLogFile) {
  const damaged_copy copy("main");
  auto index = copy.index();
  fs::rename(index.oplog / "0000000000000097.xlog", index.oplog / "00000000000000ff.xlog");
  EXPECT_EQ(import_index(index)->index->version(), 190u);  // the name alone does not matter
  fs::remove(index.data / "manifest");
  const auto e = test::error_of([&] { import_index(index); });
  EXPECT_EQ(e.code(), errc::corrupt_data);
  EXPECT_NE(std::string(e.what()).find("commits 1 to 150 are missing"), std::string::npos) << e.what();
}

TEST(FpindexImport, SalvagesWhatIsWhole) {
  const damaged_copy copy("main");
  const auto index = copy.index();
  const auto file = index.data / "0000000000000086-00000015.data";
  auto contents = copy.contents(file);
  contents[10'000] = static_cast<char>(contents[10'000] ^ 4);
  copy.put(file, contents);
  fs::remove(index.data / "0000000000000040-0000000d.data");
  EXPECT_NE(std::string(test::error_of([&] { import_index(index); }).what()).find("is missing"), std::string::npos);
  const auto made = import_index(index, true);
  EXPECT_EQ(made->index->version(), 190u);
  ASSERT_EQ(made->report.losses.size(), 2u);
  EXPECT_NE(made->report.losses[0].find("0000000000000040-0000000d.data: is missing"), std::string::npos);
  EXPECT_NE(made->report.losses[1].find("0000000000000086-00000015.data: offset "), std::string::npos);
}

TEST(FpindexImport, NoticesFlippedBitsOfRealSegments) {
  const damaged_copy copy("main");
  const auto index = copy.index();
  const auto info = fpindex::read_manifest(posix_file_system(), index.data).front();
  const auto file = index.data / segment_file_name(info);
  const auto whole = copy.contents(file);
  test::temporary_folder made;
  size_t refused = 0;
  const size_t stride = test::is_full_size() ? 1 : 61;
  for (size_t bit = 0; bit < whole.size() * 8; bit += stride) {
    auto flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    copy.put(file, flipped);
    const auto opened = posix_file_system().open(file);
    try {
      const segment_reader reader(file.string(), *opened, &info);
      convert_segment(reader, {0, 1, 26}, posix_file_system(), made / "x.seg");
      EXPECT_LT(bit / 8, reader.layout().blocks_offset);
    } catch (const error& e) {
      EXPECT_EQ(e.code(), errc::corrupt_data);
      refused++;
    }
  }
  EXPECT_GT(refused, whole.size() * 8 / stride / 2);
}

TEST(FpindexDataFolder, TellsItsOwnFromOthers) {
  auto& files = posix_file_system();
  EXPECT_TRUE(is_data_folder(files, real_data / "folder"));
  EXPECT_FALSE(is_data_folder(files, real_data));
  EXPECT_FALSE(is_data_folder(files, real_data / "nowhere"));
  const damaged_copy copy("main");
  const auto record = copy.index().data.parent_path().parent_path() / "current";
  const auto whole = copy.contents(record);
  size_t damaged = 0;
  for (size_t bit = 0; bit < whole.size() * 8; bit++) {
    auto flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    copy.put(record, flipped);
    const auto index = copy.index();
    // Only that it is deleted stands in one bit.
    EXPECT_TRUE(!index.damage.empty() || index.is_deleted) << bit;
    damaged += !index.damage.empty();
  }
  EXPECT_GE(damaged, whole.size() * 8 - 1);
}

}  // namespace
}  // namespace fp::fpindex
