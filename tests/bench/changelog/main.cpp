#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <stdexcept>

#include "app/changelog/postgres_admin.hpp"
#include "app/changelog/postgres_changelog.hpp"
#include "tests/app/postgres/postgres_server.hpp"
#include "tests/bench/bench.hpp"

namespace {

using namespace fp;
using namespace fp::bench;

struct changelog_options {
  uint32_t rounds = 5, hashes_per_document = 120, calls = 200;
  uint32_t documents = 200'000;  ///< that are read
};

changelog::time_point soon() { return std::chrono::steady_clock::now() + std::chrono::minutes(1); }

void require(const changelog_answer& a) {
  if (!a.is_done()) throw std::runtime_error(a.why);
}

/// Updates that wait at a node, a document each.
class document_source {
 public:
  explicit document_source(uint32_t hashes) : documents_(1, hashes) {}

  std::vector<feed_append> next(size_t count, size_t documents_each = 1) {
    std::vector<feed_append> appends(count);
    for (auto& a : appends) {
      changes_encoder e;
      for (size_t i = 0; i < documents_each; i++) e.insert(++last_id_, documents_.next());
      a.changes = std::make_shared<const std::vector<uint8_t>>(e.take());
      for (auto& byte : a.id) byte = static_cast<uint8_t>(random_());
    }
    return appends;
  }

 private:
  uniform_documents documents_;
  std::mt19937_64 random_{std::random_device{}()};
  document_id last_id_ = 0;
};

/// One writer waits for each of its appends; the updates of 64 go together, as a node sends them.
void measure_appends(postgres_changelog& log, const lineage& l, const changelog_options& o, reporter& report) {
  constexpr size_t num_writers = 64;
  document_source documents(o.hashes_per_document);
  const auto seconds_each = [&](size_t appends_a_call) {
    std::vector<std::vector<feed_append>> calls;
    for (uint32_t i = 0; i < o.calls; i++) calls.push_back(documents.next(appends_a_call));
    const auto taken = seconds([&] {
      for (const auto& appends : calls) {
        for (const auto& a : log.append(l, appends, soon())) require(a);
      }
    });
    return taken / static_cast<double>(o.calls * appends_a_call);
  };
  const auto times = time_pairs(o.rounds, [&] { return std::pair(seconds_each(num_writers), seconds_each(1)); });
  const auto rate = [](const spread& s) { return spread{1 / s.max, 1 / s.median, 1 / s.min}; };
  report.add({"changelog/postgres/writers",
              "PostgreSQL: appends of 64 writers of single documents",
              "appends/s",
              rate(times.ours),
              "one writer",
              rate(times.reference),
              times.ratio,
              20,
              "a wait for the disk a call",
              {}});
}

/// A follower, against one statement that hands over the same rows.
void measure_reads(postgres_changelog& log, const std::string& url, const lineage& l, const changelog_options& o,
                   reporter& report) {
  document_source documents(o.hashes_per_document);
  for (uint32_t done = 0; done < o.documents; done += 10'000) {
    for (const auto& a : log.append(l, documents.next(10, 1'000), soon())) require(a);
  }
  postgres_connector connector(parse_postgres_url(url));
  const interruption never;
  const auto session = connector.connect(soon(), never).session;
  const auto follow = [&](uint32_t max_changes) {
    return seconds([&] {
      feed_position at = 0;
      std::optional<uint64_t> tag;
      for (;;) {
        const auto r = log.read(l, at, {.max_changes = max_changes}, tag, soon());
        require(r);
        if (r.positions.empty()) break;
        at = r.positions.back();
        tag = r.tag;
      }
      if (at < o.documents) throw std::runtime_error("the follower has not read everything");
    });
  };
  for (const uint32_t max_changes : {1'024u, 8'192u}) {
    const auto times = time_pairs(o.rounds, [&] {
      const auto ours = follow(max_changes);
      return std::pair(
          ours, seconds([&] {
            const auto a = session->run(
                "select position, tag, payload from fpnode.log where generation = $1 order by position",
                postgres_parameters().integer(static_cast<int64_t>(l.generation)), soon(), never);
            if (a.rows.size() < o.documents) throw std::runtime_error(a.why);
          }));
    });
    const auto rate = [&](const spread& s) {
      return spread{o.documents / s.max, o.documents / s.median, o.documents / s.min};
    };
    report.add({"changelog/postgres/read/" + std::to_string(max_changes),
                "PostgreSQL: changes read by a follower, " + std::to_string(max_changes) + " at a time",
                "documents/s",
                rate(times.ours),
                "one statement for all",
                rate(times.reference),
                times.ratio,
                {},
                "the server",
                {}});
  }
}

/// What a node asks that has nothing to do: one question for all of its indexes.
void measure_idle(postgres_changelog& log, const changelog_options& o, reporter& report) {
  constexpr size_t num_lineages = 1'000;
  std::vector<lineage> all;
  for (size_t i = 0; i < num_lineages; i++) {
    const auto name = "idle" + std::to_string(i);
    all.push_back({name, log.create_index(name, soon()).position});
  }
  const auto times = time_pairs(o.rounds * 3, [&] {
    const auto ours = seconds([&] { require(log.newest(all, soon())); });
    return std::pair(ours, seconds([&] { require(log.bounds(all.front(), soon())); }));
  });
  const auto ms = [](spread s) { return spread{s.min * 1e3, s.median * 1e3, s.max * 1e3}; };
  report.add({"changelog/postgres/newest",
              "PostgreSQL: newest positions of 1,000 indexes",
              "ms/question",
              ms(times.ours),
              "of one index",
              ms(times.reference),
              times.ratio,
              {},
              "1,000 look-ups",
              {}});
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App cli{"Measures a changelog in a PostgreSQL of its own, with fsync, against references, in one run."};
  changelog_options o;
  std::filesystem::path folder = std::filesystem::temp_directory_path(), json;
  cli.add_option("--rounds", o.rounds, "Measurements of each figure; the median counts")->capture_default_str();
  cli.add_option("--hashes", o.hashes_per_document, "Hashes of a document")->capture_default_str();
  cli.add_option("--calls", o.calls, "Calls of a round")->capture_default_str();
  cli.add_option("--documents", o.documents, "Documents that are read")->capture_default_str();
  cli.add_option("--folder", folder, "Where the server's data goes")->capture_default_str();
  cli.add_option("--json", json, "File to append figures to, as JSON lines");
  CLI11_PARSE(cli, argc, argv);
  try {
    ::setenv("TMPDIR", folder.c_str(), 1);
    test::postgres_server server;
    const auto url = server.url();
    postgres_admin(url).init(soon());
    postgres_changelog log(url);
    reporter report(json);
    report.print_head();
    measure_appends(log, {"written", log.create_index("written", soon()).position}, o, report);
    measure_reads(log, url, {"read", log.create_index("read", soon()).position}, o, report);
    measure_idle(log, o, report);
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
