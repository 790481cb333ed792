#include "app/node/readiness_actor.hpp"

#include <algorithm>
#include <utility>

#include "core/base/printable.hpp"
#include "messages/index_states.hpp"

namespace fp {

namespace {

constexpr size_t max_names = 3;

std::string counted(size_t n, const char* noun) { return std::to_string(n) + " " + noun + (n == 1 ? "" : "es"); }

/// "; failed: a, b, c and 2 more"; empty when no index is in that state.
std::string names_of(const std::map<std::string, readiness_state::entry>& indexes, index_state state,
                     const std::string& label) {
  std::string text;
  size_t n = 0;
  for (const auto& [index, e] : indexes) {
    if (e.state != state) continue;
    if (++n <= max_names) text += (n == 1 ? "; " + label + ": " : ", ") + printable(index);
  }
  if (n > max_names) text += " and " + std::to_string(n - max_names) + " more";
  return text;
}

}  // namespace

void readiness_state::states(const index_list& list) {
  scanned = true;
  for (const auto& index : list.indexes) {
    indexes[index.name].state = index.state;
    if (index.state == index_state::loading) observe(index.name);
  }
  tell();
}

void readiness_state::state_changed(const index_entry& index) {
  if (index.state == index_state::closing) {
    indexes.erase(index.name);
  } else {
    auto& e = indexes[index.name];
    if (index.state == index_state::loading && e.state != index_state::loading) e = {};
    e.state = index.state;
    if (e.state == index_state::loading) observe(index.name);
  }
  tell();
}

void readiness_state::observe(const std::string& index) {
  if (std::exchange(indexes[index].observed, true)) return;
  // No progress of one index is no reason to keep the others from being told of.
  const auto ignore = [](const caf::error&) {};
  self->request(caf::actor_cast<node_handle>(self->current_sender()), caf::infinite, resolve_atom_v, index)
      .then(
          [this, ignore](const index_handle& coordinator) {
            self->request(coordinator, caf::infinite, subscribe_atom_v, progress_observer(self))
                .then([this](const load_progress& p) { progress(p); }, ignore);
          },
          ignore);
}

void readiness_state::progress(const load_progress& p) {
  const auto it = indexes.find(p.index);
  if (it == indexes.end() || it->second.state != index_state::loading) return;
  it->second.progress = p;
  tell();
}

void readiness_state::shutting_down() {
  send("STOPPING=1\nSTATUS=Shutting down");
  self->quit();
}

bool readiness_state::loaded() const {
  return scanned && std::all_of(indexes.begin(), indexes.end(),
                                [](const auto& i) { return i.second.state != index_state::loading; });
}

void readiness_state::tell() {
  if (!scanned || !listening) return;
  const bool now_ready = loaded() && !ready;
  const std::string text = status();
  if (text == told && !now_ready) return;
  told = text;
  ready = ready || now_ready;
  send((now_ready ? "READY=1\nSTATUS=" : "STATUS=") + text);
}

std::string readiness_state::status() const {
  size_t loading = 0, usable = 0;
  uint64_t segments_done = 0, segments_total = 0, bytes_done = 0, bytes_total = 0;
  for (const auto& [index, e] : indexes) {
    usable += serves_searches(e.state);
    if (e.state != index_state::loading) continue;
    loading++;
    segments_done += e.progress.segments_done;
    segments_total += e.progress.segments_total;
    bytes_done += e.progress.bytes_done;
    bytes_total += e.progress.bytes_total;
  }
  std::string text;
  if (loading > 0) {
    text = "Loading " + std::to_string(loading) + " of " + counted(indexes.size(), "index");
    if (bytes_total > 0) {
      const auto percent =
          static_cast<uint64_t>(100.0 * static_cast<double>(bytes_done) / static_cast<double>(bytes_total));
      text += ": " + std::to_string(segments_done) + " of " + std::to_string(segments_total) + " segments, " +
              std::to_string(percent) + "% of their bytes";
    }
  } else {
    text = "Ready: " + std::to_string(usable) + " of " + counted(indexes.size(), "index");
  }
  return text + names_of(indexes, index_state::failed, "failed") +
         names_of(indexes, index_state::read_only, "read-only");
}

readiness_handle::behavior_type readiness_actor(readiness_state::pointer self,
                                                std::function<void(const std::string& assignments)> send) {
  auto* s = &self->state;
  s->self = self;
  s->send = std::move(send);
  return {
      [=](const index_state_changed& changed) { s->state_changed(changed.entry); },
      [=](const index_list& list) { s->states(list); },
      [=](shutdown_atom) { s->shutting_down(); },
      [=](const load_progress& p) { s->progress(p); },
      [=](listening_atom) {
        s->listening = true;
        s->tell();
      },
  };
}

}  // namespace fp
