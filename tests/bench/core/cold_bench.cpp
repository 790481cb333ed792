#include <fcntl.h>
#include <linux/aio_abi.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <system_error>

#include "core/commit/changes.hpp"
#include "core/fs/file_system.hpp"
#include "core/merge/merge.hpp"
#include "core/search/search.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/core/documents.hpp"
#include "tests/bench/core/search_bench.hpp"

namespace fp::bench {

namespace {

constexpr size_t page_bytes = 4096;
constexpr uint32_t queries_a_round = 60;
constexpr hash_value even_hash = 0x1234560, odd_hash = 0x7654320;  ///< of every other document

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

/// A file read by the operating system's own requests, many at a time, past the page cache.
class raw_reader {
 public:
  explicit raw_reader(const path& file) : fd_(::open(file.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC)) {
    if (fd_ < 0) fail("open");
    if (::syscall(SYS_io_setup, most_requests, &context_) != 0) fail("io_setup");
    memory_.reset(static_cast<std::byte*>(std::aligned_alloc(page_bytes, most_requests * page_bytes)));
  }
  raw_reader(const raw_reader&) = delete;
  raw_reader& operator=(const raw_reader&) = delete;
  ~raw_reader() {
    ::syscall(SYS_io_destroy, context_);
    ::close(fd_);
  }

  /// Reads pages, all of them at once, and returns when the last one is there.
  void read(std::span<const uint64_t> pages) {
    std::vector<iocb> requests(pages.size());
    std::vector<iocb*> all;
    for (size_t i = 0; i < pages.size(); i++) {
      requests[i].aio_lio_opcode = IOCB_CMD_PREAD;
      requests[i].aio_fildes = static_cast<uint32_t>(fd_);
      requests[i].aio_buf = reinterpret_cast<uint64_t>(memory_.get() + i * page_bytes);
      requests[i].aio_nbytes = page_bytes;
      requests[i].aio_offset = static_cast<int64_t>(pages[i] * page_bytes);
      all.push_back(&requests[i]);
    }
    size_t sent = 0;
    while (sent < all.size()) {
      const long n = ::syscall(SYS_io_submit, context_, all.size() - sent, all.data() + sent);
      if (n <= 0) fail("io_submit");
      sent += static_cast<size_t>(n);
    }
    std::vector<io_event> events(pages.size());
    const long n = ::syscall(SYS_io_getevents, context_, events.size(), events.size(), events.data(), nullptr);
    if (n != static_cast<long>(events.size())) fail("io_getevents");
  }

  static constexpr size_t most_requests = 4096;

 private:
  struct freed {
    void operator()(std::byte* p) const noexcept { std::free(p); }
  };
  int fd_;
  aio_context_t context_ = 0;
  std::unique_ptr<std::byte, freed> memory_;
};

class cold_bench {
 public:
  cold_bench(const search_bench_options& o, reporter& report) : o_(o), report_(report), scratch_(o.folder) {}

  void run() {
    build();
    searcher engine;
    raw_reader disk(file_);
    search_options asking;
    asking.may_be_cold = true;
    const auto ms_of = [&](const auto& queries, const search_options& options) {
      double sum = 0;
      for (const auto& query : queries) {
        drop();
        sum += seconds([&] { engine.search(*index_, query, options); });
      }
      return sum * 1e3 / static_cast<double>(queries.size());
    };

    const auto one_by_one =
        time_pairs(o_.rounds, [&] { return std::pair(ms_of(queries_, asking), ms_of(queries_, {})); });
    add("cold", what() + ", cold", one_by_one, "ms/query", "page faults one by one", 4);

    // All their postings are gone through: hardly a document holds both.
    const std::vector<std::vector<hash_value>> hot(8, {even_hash, odd_hash});
    const auto runs = time_pairs(o_.rounds, [&] { return std::pair(ms_of(hot, asking), ms_of(hot, {})); });
    add("cold-hot", what() + ", cold, 2 hashes, each held by half of the documents", runs, "ms/query",
        "page faults one by one", 4);

    // The same number of pages, as many at a time: counts, then entries.
    drop();
    for (const auto& query : queries_) engine.search(*index_, query, {});
    const size_t pages = num_resident() / queries_.size();
    std::mt19937_64 random(29);
    std::vector<uint64_t> some(pages / 2);
    const auto against_disk = time_pairs(o_.rounds, [&] {
      const double ours = ms_of(queries_, asking);
      double sum = 0;
      for (size_t i = 0; i < 2 * queries_.size(); i++) {
        for (auto& page : some) page = random() % (bytes().size() / page_bytes);
        sum += seconds([&] { disk.read(some); });
      }
      return std::pair(ours, sum * 1e3 / static_cast<double>(queries_.size()));
    });
    add("cold-disk", what() + ", cold", against_disk, "ms/query",
        "the disk alone, " + std::to_string(pages) + " pages in two turns", 1 / 1.5);

    const auto opening = time_pairs(std::min(o_.rounds, 3u), [&] {
      const auto ms = [&](bool leave_postings) {
        drop();
        return seconds([&] { open(leave_postings); }) * 1e3;
      };
      const double ours = ms(true);
      return std::pair(ours, ms(false));
    });
    add("cold-open", what() + ", opening, cold", opening, "ms", "verifying all of it", {});

    for (const auto& query : queries_) engine.search(*index_, query, {});
    const auto resident = time_pairs(o_.rounds, [&] {
      const auto us = [&](const search_options& options) {
        return cpu_seconds([&] {
                 for (const auto& query : queries_) engine.search(*index_, query, options);
               }) *
               1e6 / static_cast<double>(queries_.size());
      };
      const double ours = us(asking);
      return std::pair(ours, us({}));
    });
    add("cold-resident", what() + ", in memory, asked for all the same", resident, "us/query", "not asked for", {});
  }

 private:
  std::string what() const { return "mapped file of " + std::to_string(o_.cold_postings / 1'000'000) + " M"; }

  void add(const std::string& id, const std::string& what, const paired_times& times, const std::string& unit,
           const std::string& reference, std::optional<double> target) {
    report_.add({.id = id,
                 .what = what,
                 .unit = unit,
                 .ours = times.ours,
                 .reference_name = reference,
                 .reference = times.reference,
                 .ratio = times.ratio,
                 .target = target,
                 .limit = "the disk",
                 .x = {{"items", static_cast<double>(o_.cold_postings)}}});
  }

  void build() {
    uniform_source documents(o_.hashes_per_document);
    changes_encoder changes;
    document_id id = 0;
    for (uint64_t drawn = 0; drawn < o_.cold_postings; drawn += o_.hashes_per_document) {
      auto hashes = documents.next();
      hashes.push_back(++id % 2 == 0 ? even_hash : odd_hash);
      changes.insert(id, hashes);
      if (queries_.size() * o_.cold_postings <= drawn * queries_a_round) {
        queries_.push_back(documents.query(o_.hashes_per_query));
      }
    }
    file_ = scratch_.path() / "cold.seg";
    {
      const commit one{0, 1, std::make_shared<const std::vector<uint8_t>>(changes.take())};
      const auto memory = snapshot::from_segments({build_memory_segment({&one, 1})});
      merge_to_file(*memory, 0, 1, posix_file_system(), file_, load_mode::map);
    }
    index_ = snapshot::from_segments({open(true)});
    drop();
    if (num_resident() > bytes().size() / page_bytes / 100) {
      throw std::runtime_error(scratch_.path().string() + ": its files do not leave memory; --folder on a disk");
    }
  }

  segment_ptr open(bool leave_postings) const {
    open_options options;
    options.mode = load_mode::disk;
    options.leave_postings = leave_postings;
    return open_segment(posix_file_system(), file_, nullptr, options);
  }
  std::span<const std::byte> bytes() const { return index_->entries()[0].segment->bytes(); }

  /// Has the file leave memory.
  void drop() const {
    ::madvise(const_cast<std::byte*>(bytes().data()), bytes().size(), MADV_DONTNEED);
    const int fd = ::open(file_.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) fail("open");
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    ::close(fd);
  }
  size_t num_resident() const {
    std::vector<unsigned char> pages((bytes().size() + page_bytes - 1) / page_bytes);
    if (::mincore(const_cast<std::byte*>(bytes().data()), bytes().size(), pages.data()) != 0) fail("mincore");
    return static_cast<size_t>(std::ranges::count_if(pages, [](unsigned char p) { return p & 1; }));
  }

  const search_bench_options& o_;
  reporter& report_;
  scratch_folder scratch_;
  path file_;
  snapshot_ptr index_;
  std::vector<std::vector<hash_value>> queries_;
};

}  // namespace

void run_cold(const search_bench_options& o, reporter& report) { cold_bench(o, report).run(); }

}  // namespace fp::bench
