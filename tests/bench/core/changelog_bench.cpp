#include <algorithm>
#include <random>
#include <stdexcept>

#include "core/changelog/local_changelog.hpp"
#include "core/changelog/local_format.hpp"
#include "core/fpindex/feed_protocol.hpp"
#include "tests/bench/core/search_bench.hpp"

namespace fp::bench {

namespace {

constexpr uint32_t hashes_of_music = 120;
constexpr auto any_time = changelog::time_point::max();

std::vector<feed_append> single_documents(uniform_documents& documents, document_id& last, size_t count) {
  static std::mt19937_64 random{std::random_device{}()};
  std::vector<feed_append> appends(count);
  for (auto& a : appends) {
    changes_encoder e;
    e.insert(++last, documents.next());
    a.changes = std::make_shared<const std::vector<uint8_t>>(e.take());
    for (auto& byte : a.id) byte = static_cast<uint8_t>(random());
  }
  return appends;
}

spread rate_of(double count, const spread& s) { return {count / s.max, count / s.median, count / s.min}; }

void append_all(changelog& log, const lineage& l, const std::vector<feed_append>& appends) {
  for (const auto& a : log.append(l, appends, any_time)) {
    if (!a.is_done()) throw std::runtime_error(a.why);
  }
}

}  // namespace

void run_changelog(const search_bench_options& o, reporter& report) {
  const scratch_folder folder(o.folder);
  local_changelog log(posix_file_system(), folder.path());
  const lineage l{"main", log.create_index("main", any_time).position};
  uniform_documents documents(1, hashes_of_music);
  document_id last = 0;
  while (last < o.changelog_documents) append_all(log, l, single_documents(documents, last, 1'000));

  const auto read_all = [&](bool as_answers) {
    return seconds([&] {
      feed_position at = 0;
      for (;;) {
        const auto read = log.read(l, at, {}, std::nullopt, any_time);
        if (!read.is_done()) throw std::runtime_error(read.why);
        if (read.positions.empty()) break;
        at = read.positions.back();
        if (!as_answers) continue;
        const auto body = fpindex::encode_read_answer(read.positions, read.changes, std::chrono::milliseconds(0));
        fpindex::decode_read_answer("the answer", body, read.positions.front() - 1, {});
      }
      if (at != last) throw std::runtime_error("not everything was read");
    });
  };
  std::vector<std::filesystem::path> files;
  const auto log_folder =
      folder.path() / "lineages" / *local_format::lineage_folder_name(l) / std::string(local_format::log_name);
  for (const auto& entry : std::filesystem::directory_iterator(log_folder)) {
    if (entry.path().extension() == ".log") files.push_back(entry.path());
  }
  for (const bool as_answers : {false, true}) {
    const auto times = time_pairs(o.rounds, [&] { return std::pair(read_all(as_answers), read_files(files)); });
    report.add({as_answers ? "changelog/local/answers" : "changelog/local/read",
                as_answers ? "the same, encoded and decoded as fpindex's answers"
                           : "local changelog, read by a follower, 1,024 changes at a time",
                "documents/s",
                rate_of(last, times.ours),
                "read(2) into fresh memory",
                rate_of(last, times.reference),
                times.ratio,
                {},
                as_answers ? "numbers of MessagePack" : "memory",
                {}});
  }

  constexpr size_t num_writers = 64, num_calls = 50;
  const auto seconds_each = [&](size_t writers) {
    std::vector<std::vector<feed_append>> calls;
    for (size_t i = 0; i < num_calls; i++) calls.push_back(single_documents(documents, last, writers));
    const auto taken = seconds([&] {
      for (const auto& appends : calls) append_all(log, l, appends);
    });
    return taken / static_cast<double>(num_calls * writers);
  };
  const auto times = time_pairs(o.rounds, [&] { return std::pair(seconds_each(num_writers), seconds_each(1)); });
  report.add({"changelog/local/writers",
              "local changelog, appends of 64 writers of single documents",
              "appends/s",
              rate_of(1, times.ours),
              "one writer",
              rate_of(1, times.reference),
              times.ratio,
              15,
              "a wait for the disk a call",
              {}});
}

}  // namespace fp::bench
