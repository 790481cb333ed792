#include <gmock/gmock.h>
#include <algorithm>

#include <atomic>
#include <filesystem>
#include <random>
#include <thread>

#include "core/check/segment_check.hpp"
#include "core/fs/mapped_file_guard.hpp"
#include "core/index/snapshot.hpp"
#include "core/merge/merge.hpp"
#include "core/search/search.hpp"
#include "core/segment/stored_segment.hpp"
#include "tests/core/support/backup_streams.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/temporary_folder.hpp"

/// Segments whose pages are lost, or turn into others, while they are read.
namespace fp {
namespace {

using test::byte_vector;
using testing::HasSubstr;

constexpr document_id num_documents = 1500;

std::vector<hash_value> hashes_of(document_id id) {
  std::vector<hash_value> hashes;
  for (hash_value h = 0; h < 20; h++) hashes.push_back((id * 31 + h * h) * 2654435761u & 0xffff00);
  return hashes;
}

/// Two segments, the newer of which rewrites and deletes some documents of the older.
std::vector<segment_ptr> make_segments() {
  changes_encoder older, newer;
  for (document_id id = 1; id <= num_documents; id++) older.insert(id * 3, hashes_of(id));
  for (document_id id = 1; id <= num_documents; id += 2) newer.insert(id * 5, hashes_of(id + 1));
  newer.erase(3);
  newer.set_metadata("key", "value");
  return {test::make_segment(test::make_commit(1, older)), test::make_segment(test::make_commit(2, newer))};
}

/// Everything that reads a segment's bytes. Each runs to its end, or throws.
void read_everything(const snapshot& index, searcher& search, const std::function<void(const error&)>& on_error) {
  const auto attempt = [&](const auto& operation) {
    try {
      operation();
    } catch (const error& e) {
      on_error(e);
    }
  };
  for (document_id id = 1; id < num_documents; id += 100) {
    attempt([&] { search.search(index, hashes_of(id), {}); });
    search_options cold;
    cold.may_be_cold = true;
    attempt([&] { search.search(index, hashes_of(id), cold); });
    attempt([&] { index.find(id * 3); });
  }
  const size_t count = index.entries().size();
  attempt([&] { merge_to_memory(index, 0, count); });
  for (const auto& e : index.entries()) {
    attempt([&] { EXPECT_LE(e.segment->metadata().to_map().size(), 1u); });
    attempt([&] { check_postings(*e.segment, "s"); });
    attempt([&] { e.segment->verify(); });
  }
  attempt([&] {
    backup_writer writer(std::make_shared<const snapshot>(index), "main", 1);
    test::read_all(writer);
  });
}

class unreadable_segment : public testing::Test {
 protected:
  unreadable_segment() {
    const auto memory = snapshot::from_segments(make_segments());
    for (size_t i = 0; i < files_.size(); i++) {
      files_[i] = folder_ / segment_file_name(i + 1, i + 1);
      merge_to_file(*memory, i, 1, posix_file_system(), files_[i], load_mode::map);
      contents_[i] = read_file(posix_file_system(), files_[i]);
    }
  }
  void put_back() {
    for (size_t i = 0; i < files_.size(); i++) {
      const path temporary = folder_ / "new";
      posix_file_system().create(temporary)->write_at(0, std::as_bytes(std::span(contents_[i])));
      std::filesystem::rename(temporary, files_[i]);
    }
  }
  snapshot_ptr load() {
    std::vector<segment_ptr> segments;
    for (const path& file : files_) segments.push_back(open_segment(posix_file_system(), file, nullptr));
    return snapshot::from_segments(std::move(segments));
  }

  const mapped_file_guard guard_;
  test::temporary_folder folder_;
  std::array<path, 2> files_;
  std::array<std::string, 2> contents_;
};

TEST_F(unreadable_segment, whoever_reads_it_is_told) {
  const auto reference = load();
  for (size_t f = 0; f < files_.size(); f++) {
    for (uint64_t left = 0; left + 4096 < contents_[f].size(); left += 3 * 4096) {
      put_back();
      SCOPED_TRACE(files_[f].string() + " cut to " + std::to_string(left));
      const auto expect_told = [&](const std::function<void(const snapshot&)>& read, bool reads_all) {
        put_back();
        const auto index = load();
        std::filesystem::resize_file(files_[f], left);
        try {
          read(*index);
          EXPECT_FALSE(reads_all) << "nothing was thrown";
        } catch (const error& e) {
          EXPECT_EQ(e.code(), errc::io_error) << e.what();
          EXPECT_THAT(e.what(), HasSubstr(files_[f].string()));
          EXPECT_THAT(e.what(), HasSubstr("offset "));
          EXPECT_EQ(test::error_of([&] { index->require_readable(); }).code(), errc::io_error);
        }
      };
      searcher search, of_reference;
      for (document_id id = 1; id < num_documents; id += 97) {
        expect_told(
            [&](const snapshot& index) {
              // What does not need the lost pages is right.
              EXPECT_EQ(search.search(index, hashes_of(id), {}).results,
                        of_reference.search(*reference, hashes_of(id), {}).results);
            },
            left == 0);
        expect_told(
            [&](const snapshot& index) {
              EXPECT_EQ(index.find(id * 3).has_value(), reference->find(id * 3).has_value());
            },
            false);
      }
      // In this file alone.
      expect_told([&](const snapshot& index) { index.find(f == 0 ? 6 : 5); }, left == 0);
      expect_told([&](const snapshot& index) { merge_to_memory(index, 0, 2); }, true);
      expect_told(
          [&](const snapshot& index) {
            merge_to_file(index, 0, 2, posix_file_system(), folder_ / "merged.seg", load_mode::map);
          },
          true);
      EXPECT_FALSE(std::filesystem::exists(folder_ / "merged.seg"));
      expect_told([&](const snapshot& index) { check_postings(*index.entries()[f].segment, files_[f].string()); },
                  left < 8192);
      expect_told([&](const snapshot& index) { index.entries()[f].segment->verify(); }, true);
      expect_told(
          [&](const snapshot& index) {
            backup_writer writer(std::make_shared<const snapshot>(index), "main", 1);
            test::read_all(writer);
          },
          true);
      if (HasFailure()) return;
    }
  }
}

TEST_F(unreadable_segment, metadata_stays_what_it_was) {
  const auto index = load();
  std::filesystem::resize_file(files_[1], 0);
  const metadata_map expected{{"key", "value"}};
  EXPECT_EQ(index->entries()[1].segment->metadata().to_map(), expected);
  EXPECT_EQ(test::error_of([&] { index->find(5); }).code(), errc::io_error);
  EXPECT_EQ(index->entries()[1].segment->metadata().to_map(), expected);
}

/// Lets somebody cut a file as soon as it is mapped.
class cutting_file_system final : public file_system {
 public:
  explicit cutting_file_system(uint64_t left) : left_(left) {}

  std::unique_ptr<readable_file> open(const path& file) override {
    struct cut_file final : readable_file {
      std::unique_ptr<readable_file> base;
      path name;
      uint64_t left = 0;
      uint64_t size() const override { return base->size(); }
      size_t read_at(uint64_t offset, std::span<std::byte> out) const override {
        return base->read_at(offset, out);
      }
      std::unique_ptr<mapped_file> map() const override {
        auto mapped = base->map();
        std::filesystem::resize_file(name, left);
        return mapped;
      }
    };
    auto result = std::make_unique<cut_file>();
    result->base = base_.open(file);
    result->name = file;
    result->left = left_;
    return result;
  }
  std::unique_ptr<writable_file> create(const path& file) override { return base_.create(file); }
  std::unique_ptr<writable_file> open_for_writing(const path& file) override {
    return base_.open_for_writing(file);
  }
  bool exists(const path& file) override { return base_.exists(file); }
  bool is_directory(const path& file) override { return base_.is_directory(file); }
  uint64_t file_size(const path& file) override { return base_.file_size(file); }
  std::vector<std::string> list(const path& directory) override { return base_.list(directory); }
  void rename(const path& from, const path& to) override { base_.rename(from, to); }
  void remove(const path& file) override { base_.remove(file); }
  void remove_all(const path& directory) override { base_.remove_all(directory); }
  void create_directories(const path& directory) override { base_.create_directories(directory); }
  void sync_directory(const path& directory) override { base_.sync_directory(directory); }
  std::unique_ptr<file_lock> lock(const path& file) override { return base_.lock(file); }

 private:
  file_system& base_ = posix_file_system();
  uint64_t left_;
};

TEST_F(unreadable_segment, opening_it_tells) {
  for (uint64_t left = 0; left + 4096 < contents_[0].size(); left += 4096) {
    put_back();
    cutting_file_system fs(left);
    const error e = test::error_of([&] { open_segment(fs, files_[0], nullptr); });
    EXPECT_EQ(e.code(), errc::io_error) << e.what();
    EXPECT_THAT(e.what(), HasSubstr(files_[0].string()));
    EXPECT_THAT(e.what(), HasSubstr("offset " + std::to_string(left)));
  }
}

/// A segment's bytes in memory that others write to, as a mapped file's can be.
class shifting_file final : public mapped_file {
 public:
  explicit shifting_file(byte_vector bytes) : memory(std::move(bytes)) {}
  std::span<const std::byte> bytes() const noexcept override { return memory; }

  byte_vector memory;  ///< of exactly this size, so that sanitizers see every step outside
};

/// `make_segments()` in such files, all of them verified or none.
struct shifting_index {
  explicit shifting_index(mapping_use use = {}) {
    std::vector<segment_ptr> segments;
    for (const auto& s : make_segments()) {
      files.push_back(std::make_shared<shifting_file>(byte_vector(s->bytes().begin(), s->bytes().end())));
      const auto bytes = files.back()->bytes();
      const auto header = decode_header(bytes.first<segment_header_bytes>(), bytes.size(), "shifting");
      segments.push_back(std::make_shared<stored_segment>("shifting", files.back(), header, use));
    }
    served = snapshot::from_segments(std::move(segments));
  }

  std::vector<std::shared_ptr<shifting_file>> files;
  snapshot_ptr served;
};

/// Whatever the bytes turn into, and whenever, readers stay within them and come to an end.
TEST(shifting_segment, readers_stay_within_it) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "reads and writes race on purpose";
#endif
  std::mt19937_64 random(11);
  size_t num_errors = 0;
  for (int round = 0; round < 30; round++) {
    const bool only_zeros = round % 2 == 0;
    const size_t unit = round % 3 == 0 ? 4096 : 64;
    const shifting_index index(round % 4 < 2 ? mapping_use{} : mapping_use{true, false, {}});
    std::atomic<bool> stop = false;
    {
      std::jthread vandal([&, seed = random()] {
        std::mt19937_64 own(seed);
        while (!stop) {
          for (const auto& file : index.files) {
            const size_t at = own() % (file->memory.size() / unit) * unit;
            for (size_t i = 0; i < unit; i++) {
              const auto value = only_zeros ? std::byte{0} : static_cast<std::byte>(own());
              static_cast<volatile std::byte&>(file->memory[at + i]) = value;
            }
          }
          std::this_thread::yield();
        }
      });
      searcher search;
      for (int i = 0; i < 3; i++) read_everything(*index.served, search, [&](const error&) { num_errors++; });
      stop = true;
    }
  }
  EXPECT_GT(num_errors, 0u);
}

/// The same without chance: each page alone, and each end, is zeros or ones when reading begins.
TEST(shifting_segment, readers_stay_within_what_has_changed_before) {
  const size_t num_bytes = make_segments()[0]->bytes().size();
  for (const std::byte value : {std::byte{0}, std::byte{0xff}}) {
    for (const bool to_the_end : {false, true}) {
      for (size_t at = 0; at < num_bytes; at += 4096) {
        const shifting_index index({at / 4096 % 2 == 1, true, {}});
        for (const auto& file : index.files) {
          const size_t begin = std::min(at, file->memory.size());
          const size_t end = to_the_end ? file->memory.size() : std::min(begin + 4096, file->memory.size());
          std::fill(file->memory.begin() + static_cast<std::ptrdiff_t>(begin),
                    file->memory.begin() + static_cast<std::ptrdiff_t>(end), value);
        }
        searcher search;
        size_t num_errors = 0;
        read_everything(*index.served, search, [&](const error&) { num_errors++; });
        EXPECT_GT(num_errors, 0u) << at;
      }
    }
  }
}

}  // namespace
}  // namespace fp
