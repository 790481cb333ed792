#include <algorithm>
#include <cstdio>
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

void run_ingest(const options& o) {
  std::vector<double> ours, sorting, ratios;
  for (uint32_t round = 0; round < std::min(o.rounds, 3u); round++) {
    scratch_folder scratch(o.folder);
    ours.push_back(ingest(o, (scratch.path() / "data").string()));
    sorting.push_back(sort_once(o));
    ratios.push_back(sorting.back() / ours.back());
  }
  const double documents = static_cast<double>(o.postings / o.hashes_per_document);
  char us[64], reference[64];
  std::snprintf(us, sizeof us, "%.0f documents/s", documents / spread_of(ours).median);
  std::snprintf(reference, sizeof reference, "std::sort of the same postings: %.2f s", spread_of(sorting).median);
  print_row("durable ingest, batches of 1,000", us, reference, spread_of(ratios));
}

}  // namespace fp::bench
