#include <algorithm>
#include <deque>

#include "core/commit/changes.hpp"
#include "tests/bench/node_bench.hpp"
#include "tests/bench/node_fixture.hpp"

namespace fp::bench {

namespace {

constexpr uint64_t documents_per_update = 1'000;
constexpr size_t updates_in_flight = 4;

/// Seconds to write all documents durably through the actors.
double ingest(const options& o, const std::string& dir) {
  config settings;
  settings.dir = dir;
  local_node node(settings);
  node.create("main");
  const auto index = node.resolve("main");
  uniform_documents documents(13, o.hashes_per_document);
  const uint64_t total = o.postings / o.hashes_per_document;
  // Made beforehand: what is measured is the index, not the generator.
  std::vector<std::vector<uint8_t>> updates;
  for (document_id id = 1; id <= total;) {
    changes_encoder changes;
    for (uint64_t d = 0; d < documents_per_update && id <= total; d++) changes.insert(id++, documents.next());
    updates.push_back(changes.take());
  }
  return seconds([&] {
    using pending = decltype(node.self()->request(index, caf::infinite, update_request{}));
    std::deque<pending> window;
    const auto wait = [&] {
      window.front().receive([](const update_reply&) {},
                             [](const caf::error& e) { throw error(code_of(e), text_of(e)); });
      window.pop_front();
    };
    for (auto& u : updates) {
      update_request request;
      request.changes = std::move(u);
      window.push_back(node.self()->request(index, caf::infinite, std::move(request)));
      if (window.size() >= updates_in_flight) wait();
    }
    while (!window.empty()) wait();
  });
}

double sort_once(const options& o) {
  uniform_documents documents(13, o.hashes_per_document);
  std::vector<posting> postings;
  postings.reserve(o.postings);
  for (document_id id = 1; id <= o.postings / o.hashes_per_document; id++) {
    for (const hash_value h : documents.next()) postings.push_back(make_posting(h, id));
  }
  return seconds([&] { std::sort(postings.begin(), postings.end()); });
}

}  // namespace

void run_ingest(const options& o, reporter& report) {
  std::vector<double> ours, sorting, ratios;
  const double documents = static_cast<double>(o.postings / o.hashes_per_document);
  for (uint32_t round = 0; round < std::min(o.rounds, 3u); round++) {
    scratch_folder scratch(o.folder);
    ours.push_back(documents / ingest(o, (scratch.path() / "data").string()));
    sorting.push_back(documents / sort_once(o));
    ratios.push_back(ours.back() / sorting.back());
  }
  report.add({.id = "ingest/local/" + std::to_string(o.postings),
              .what = "durable ingest, batches of 1,000",
              .unit = "documents/s",
              .ours = spread_of(ours),
              .reference_name = "std::sort of the same postings",
              .reference = spread_of(sorting),
              .ratio = spread_of(ratios),
              .target = {},
              .limit = "sorting, and two copies to the disk",
              .x = {{"items", static_cast<double>(o.postings)}}});
}

}  // namespace fp::bench
