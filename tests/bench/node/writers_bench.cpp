#include <filesystem>

#include "core/commit/changes.hpp"
#include "core/fs/file_system.hpp"
#include "tests/bench/node/feeding.hpp"
#include "tests/bench/node/node_process.hpp"
#include "tests/bench/node/parts.hpp"

namespace fp::bench {

namespace {

using clock = std::chrono::steady_clock;

/// Writes single documents one after the other until `end`, then ends. `written` counts the answered ones.
struct writer_state {
  connection_handle node;
  update_source source{1, 1};
  clock::time_point end;
  uint64_t* written = nullptr;
};

void write_next(caf::stateful_actor<writer_state>* self) {
  auto& s = self->state;
  self->request(s.node, caf::infinite, index_name, s.source.next(1))
      .then(
          [self](const update_reply&) {
            ++*self->state.written;
            if (clock::now() < self->state.end) {
              write_next(self);
            } else {
              self->quit();
            }
          },
          [self](const caf::error& e) { self->quit(e); });
}

void writer(caf::stateful_actor<writer_state>* self, connection_handle node, update_source source,
            clock::time_point end, uint64_t* written) {
  self->state = {std::move(node), std::move(source), end, written};
  write_next(self);
}

/// Single documents a second that so many writers get written, each one waiting for its last one's answer.
double write_rate(const node_options& o, caf::actor_system& system, const connection_handle& node, size_t writers,
                  document_id& next_id) {
  // Ids that no other round uses.
  constexpr document_id ids_of_a_writer = 1'000'000;
  caf::scoped_actor self{system};
  std::vector<uint64_t> written(writers);
  const auto start = clock::now();
  for (size_t i = 0; i < writers; i++) {
    self->spawn<caf::monitored>(writer, node, update_source(next_id, o.hashes_per_document, next_id),
                                start + std::chrono::seconds(o.seconds), &written[i]);
    next_id += ids_of_a_writer;
  }
  caf::error failure;
  for (size_t ended = 0; ended < writers; ended++) {
    self->receive([&](const caf::down_msg& m) {
      if (m.reason && m.reason != caf::exit_reason::normal) failure = m.reason;
    });
  }
  if (failure) throw error(code_of(failure), text_of(failure));
  double sum = 0;
  for (const auto w : written) sum += static_cast<double>(w);
  return sum / std::chrono::duration<double>(clock::now() - start).count();
}

/// Appends and syncs a second, of as many bytes as one document takes in the log.
double sync_rate(const node_options& o, const std::filesystem::path& folder) {
  auto& fs = posix_file_system();
  const auto file = fs.create(folder / "sync");
  const std::vector<std::byte> record(o.hashes_per_document * sizeof(hash_value) + 64);
  uint64_t syncs = 0;
  const auto start = clock::now();
  const auto end = start + std::chrono::seconds(o.seconds);
  for (; clock::now() < end; syncs++) {
    file->write_at(syncs * record.size(), record);
    file->sync();
  }
  return static_cast<double>(syncs) / std::chrono::duration<double>(clock::now() - start).count();
}

}  // namespace

void run_writers(const node_options& o, reporter& report) {
  constexpr size_t many = 64;
  scratch_folder scratch(o.folder);
  node_process process(node_command(o.node, scratch.path() / "data"));
  const node_client client(process.port());
  system_config settings;
  caf::actor_system system{settings};
  client_options where;
  where.port = process.port();
  const auto node = system.spawn(connection_actor, where);
  document_id next_id = 1;
  std::vector<double> one, all, syncs, of_one, of_syncs;
  for (uint32_t round = 0; round < o.rounds; round++) {
    one.push_back(write_rate(o, system, node, 1, next_id));
    all.push_back(write_rate(o, system, node, many, next_id));
    syncs.push_back(sync_rate(o, scratch.path()));
    of_one.push_back(all.back() / one.back());
    of_syncs.push_back(one.back() / syncs.back());
  }
  caf::anon_send_exit(node, caf::exit_reason::user_shutdown);
  report.add({"node/writers/64",
              "64 writers of single documents",
              "documents/s",
              spread_of(all),
              "one writer",
              spread_of(one),
              spread_of(of_one),
              15.0,
              "one sync serves all writers; beyond that the messages' path, one core on either side",
              {}});
  report.add({"node/writers/sync",
              "one writer of single documents",
              "documents/s",
              spread_of(one),
              "append and fdatasync alone",
              spread_of(syncs),
              spread_of(of_syncs),
              std::nullopt,
              "the device's sync",
              {}});
}

}  // namespace fp::bench
