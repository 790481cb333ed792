#include "tests/bench/node/feeding.hpp"

#include <algorithm>
#include <deque>

#include "core/commit/changes.hpp"

namespace fp::bench {

namespace {

client_options options_of(uint16_t port) {
  client_options o;
  o.port = port;
  // An update may have to wait for upkeep on a machine that is busy.
  o.request_timeout = std::chrono::minutes(5);
  return o;
}

}  // namespace

node_client::node_client(uint16_t port, bool create) : node(system, options_of(port)) {
  if (create) node.create_index({index_name, false, {}});
}

update_request update_source::next(uint64_t num_documents) {
  changes_encoder changes;
  for (uint64_t i = 0; i < num_documents; i++) changes.insert(next_id_++, documents_.next());
  update_request request;
  request.changes = changes.take();
  request.ready_wait_ms = 30'000;
  return request;
}

void feed(client& node, update_source& source, uint64_t documents,
          const std::function<void(uint64_t documents)>& answered) {
  update_pipeline pipeline(node, index_name, updates_in_flight);
  std::deque<uint64_t> sent;
  const auto receive = [&] {
    pipeline.receive();
    answered(sent.front());
    sent.pop_front();
  };
  while (documents > 0) {
    if (pipeline.is_full()) receive();
    sent.push_back(std::min(documents, documents_per_update));
    pipeline.send(source.next(sent.back()));
    documents -= sent.back();
  }
  while (!sent.empty()) receive();
}

load_progress wait_until_loaded(client& node) {
  const auto last = node.subscribe(index_name, [](const load_progress&) { return true; });
  if (last.state != index_state::ready) throw error(errc::index_failed, last.reason);
  return last;
}

}  // namespace fp::bench
