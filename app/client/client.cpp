#include "app/client/client.hpp"

#include <algorithm>
#include <utility>

#include "app/client/client_ask.hpp"
#include "core/commit/changes.hpp"

namespace fp {

using client_detail::raise;

client::client(caf::actor_system& system, client_options options)
    : options_(std::move(options)),
      self_(system),
      reader_(system, options_),
      connection_(system.spawn(shared_connection_actor, options_, reader_.line())) {}

client::~client() { caf::anon_send_exit(connection_, caf::exit_reason::user_shutdown); }

node_status client::status() { return ask<node_status>(status_atom_v); }
index_list client::list() { return ask<index_list>(list_atom_v); }
create_index_reply client::create_index(const create_index_request& r) { return ask<create_index_reply>(r); }
delete_index_reply client::delete_index(const delete_index_request& r) { return ask<delete_index_reply>(r); }
resync_reply client::resync(const resync_request& r) { return ask<resync_reply>(r); }
drain_reply client::drain(bool is_on) { return ask<drain_reply>(drain_request{is_on}); }
node_status client::shutdown() { return ask<node_status>(shutdown_atom_v); }

search_reply client::search(const std::string& index, const search_request& r) {
  return read<search_reply>(index, r);
}
search_batch_reply client::search_batch(const std::string& index, const search_batch_request& r) {
  return read<search_batch_reply>(index, r);
}
update_reply client::update(const std::string& index, const update_request& r) {
  return ask<update_reply>(index, r);
}
document_reply client::document(const std::string& index, const document_request& r) {
  return read<document_reply>(index, r);
}

std::optional<document_reply> client::find_document(const std::string& index, const document_request& r) {
  try {
    return document(index, r);
  } catch (const error& e) {
    if (e.code() != errc::document_not_found) throw;
    return std::nullopt;
  }
}

update_reply client::insert(const std::string& index, document_id id, std::span<const hash_value> hashes) {
  changes_encoder changes;
  changes.insert(id, hashes);
  update_request request;
  request.changes = changes.take();
  return update(index, request);
}

index_info client::info(const std::string& index, const index_info_request& r) {
  return read<index_info>(index, r);
}
segment_list client::segments(const std::string& index, const segments_request& r) {
  return read<segment_list>(index, r);
}
index_status client::status(const std::string& index) { return read<index_status>(index, status_atom_v); }
cluster_status client::cluster(const std::string& index) { return ask<cluster_status>(index, cluster_atom_v); }
slice_status client::held_slice(const std::string& index) { return ask<slice_status>(index, slice_atom_v); }
upkeep_reply client::checkpoint(const std::string& index) { return ask<upkeep_reply>(index, checkpoint_atom_v); }
upkeep_reply client::merge(const std::string& index) { return ask<upkeep_reply>(index, merge_atom_v); }
index_status client::reload(const std::string& index) { return ask<index_status>(index, reload_atom_v); }

load_progress client::subscribe(const std::string& index, const std::function<bool(const load_progress&)>& observe,
                                std::stop_token stop) {
  const auto handle = ask<index_handle>(resolve_atom_v, index);
  // An observer of its own: the index forgets it when it ends.
  caf::scoped_actor watcher{self_->home_system()};
  watcher->monitor(handle);
  load_progress last;
  bool done = false;
  const auto see = [&](const load_progress& p) {
    last = p;
    done = !observe(p) || p.state != index_state::loading;
  };
  const auto observer = caf::actor_cast<progress_observer>(caf::actor_cast<caf::actor>(watcher));
  watcher->request(handle, options_.request_timeout, subscribe_atom_v, observer)
      .receive([&](const load_progress& p) { see(p); },
               [&](const caf::error& e) {
                 if (e == caf::sec::request_timeout || code_of(e) == errc::unreachable) {
                   throw error(code_of(e), options_.address() + ": " + text_of(e));
                 }
                 raise(e);
               });
  const std::stop_callback wake(stop,
                                [to = caf::actor_cast<caf::actor>(watcher)] { caf::anon_send(to, stop_atom_v); });
  bool gone = false;
  bool silent = false;
  watcher->receive_while([&] { return !done && !gone && !silent; })(
      [&](const load_progress& p) { see(p); }, [&](stop_atom) { done = true; },
      [&](const caf::down_msg&) { gone = true; }, caf::after(options_.upkeep_timeout) >> [&] { silent = true; });
  if (silent) {
    throw error(errc::request_timeout, options_.address() + ": no progress of index " + index + " within " +
                                           std::to_string(options_.upkeep_timeout.count()) + " ms");
  }
  if (gone) throw error(errc::unreachable, options_.address() + ": the node or index " + index + " went away");
  return last;
}

update_pipeline::update_pipeline(client& node, std::string index, size_t window)
    : node_(node), index_(std::move(index)), window_(std::max<size_t>(window, 1)) {}

void update_pipeline::send(const update_request& request) {
  answers_.push_back(node_.ask_later<update_reply>(index_, request));
}

update_reply update_pipeline::receive() {
  const auto answer = std::move(answers_.front());
  answers_.pop_front();
  return answer();
}

}  // namespace fp
