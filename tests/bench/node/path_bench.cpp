#include <unistd.h>

#include <algorithm>
#include <caf/binary_serializer.hpp>
#include <caf/io/middleman.hpp>
#include <cstdio>

#include "core/commit/changes.hpp"
#include "tests/bench/node/feeding.hpp"
#include "tests/bench/node/node_process.hpp"
#include "tests/bench/node/parts.hpp"

namespace fp::bench {

namespace {

constexpr size_t hashes_per_query = 120, results_per_query = 40, num_queries = 100;
constexpr size_t searches_per_round = 2'000;
// Of a query that a document which it is to find holds.
constexpr size_t shared_hashes = 30;

/// What the echo is sent: plain bytes are a type that CAF knows.
using bytes = std::vector<char>;

struct echo_config : system_config {
  echo_config() : system_config() { add_message_type<bytes>("bytes"); }
};

caf::behavior echo(caf::event_based_actor*, const bytes& reply) {
  return {[=](const bytes&) { return reply; }};
}

/// Plants the documents that the queries find, after `documents` others. Returns the queries.
std::vector<search_request> plant_queries(client& node, document_id first_id) {
  uniform_documents hashes(29, hashes_per_query), others(31, 70);
  std::vector<search_request> queries;
  document_id id = first_id;
  for (size_t q = 0; q < num_queries; q++) {
    const auto query = hashes.next();
    changes_encoder changes;
    for (size_t d = 0; d < results_per_query; d++) {
      auto document = others.next();
      for (size_t h = 0; h < shared_hashes; h++) document.push_back(query[(h + 7 * d) % query.size()]);
      changes.insert(id++, document);
    }
    update_request update;
    update.changes = changes.take();
    node.update(index_name, update);
    search_request search;
    search.query = query;
    search.limit = results_per_query;
    search.timeout_ms = 0;
    queries.push_back(std::move(search));
  }
  return queries;
}

template <class T>
size_t wire_bytes(caf::actor_system& system, T value) {
  std::vector<char> out;
  caf::binary_serializer sink{system, out};
  if (const auto e = sink(value)) throw error(code_of(e), text_of(e));
  return out.size();
}

/// Median microseconds of a call.
template <class F>
double p50_us(F&& call) {
  std::vector<double> taken;
  for (size_t i = 0; i < searches_per_round; i++) taken.push_back(1e6 * bench::seconds([&] { call(i); }));
  std::nth_element(taken.begin(), taken.begin() + taken.size() / 2, taken.end());
  return taken[taken.size() / 2];
}

}  // namespace

void serve_echo(size_t reply_bytes) {
  echo_config settings;
  caf::actor_system system{settings};
  const auto server = system.spawn(echo, bytes(reply_bytes));
  const auto port = system.middleman().publish(server, 0, "127.0.0.1");
  if (!port) throw error(code_of(port.error()), text_of(port.error()));
  std::fprintf(stderr, "listening for remote actors on 127.0.0.1:%u\n", static_cast<unsigned>(*port));
  for (;;) pause();
}

void run_path(const node_options& o, reporter& report) {
  scratch_folder scratch(o.folder);
  node_process node(node_command(o.node, scratch.path() / "data"));
  node_client ours(node.port());
  const uint64_t documents = o.items / o.hashes_per_document;
  update_source source(13, o.hashes_per_document);
  feed(ours.node, source, documents);
  const auto queries = plant_queries(ours.node, static_cast<document_id>(documents + 1));
  ours.node.checkpoint(index_name);
  ours.node.merge(index_name);
  const auto answer = ours.node.search(index_name, queries.front());
  if (answer.results.size() != results_per_query) throw std::runtime_error("a query finds too little");

  echo_config settings;
  caf::actor_system system{settings};
  caf::scoped_actor self{system};
  const bytes request(wire_bytes(system, queries.front()));
  const size_t reply_bytes = wire_bytes(system, answer);
  node_process server({std::filesystem::read_symlink("/proc/self/exe").string(), "serve-echo", "--reply-bytes",
                       std::to_string(reply_bytes)});
  const auto echo_actor = system.middleman().remote_actor("127.0.0.1", server.port());
  if (!echo_actor) throw error(code_of(echo_actor.error()), text_of(echo_actor.error()));
  const auto ask_echo = [&](size_t) {
    self->request(*echo_actor, caf::infinite, request)
        .receive([](const bytes&) {}, [](const caf::error& e) { throw error(code_of(e), text_of(e)); });
  };
  const auto search = [&](size_t i) { ours.node.search(index_name, queries[i % num_queries]); };
  // Before the clock counts.
  p50_us(search);
  p50_us(ask_echo);
  std::vector<double> searches, echoes, ratios;
  for (uint32_t round = 0; round < o.rounds; round++) {
    searches.push_back(p50_us(search));
    echoes.push_back(p50_us(ask_echo));
    ratios.push_back(echoes.back() / searches.back());
  }
  report.add({"node/path/caf/" + std::to_string(o.items),
              "full path over CAF, p50",
              "us",
              spread_of(searches),
              "bare echo of " + std::to_string(request.size()) + " and " + std::to_string(reply_bytes) + " bytes",
              spread_of(echoes),
              spread_of(ratios),
              1 / 1.4,
              "two wake-ups of a thread and two system calls on each side",
              {{"items", static_cast<double>(o.items)}}});
}

}  // namespace fp::bench
