#include "app/client/connection_actor.hpp"

#include <algorithm>
#include <caf/io/middleman.hpp>
#include <caf/openssl/manager.hpp>

#include "app/client/client_error.hpp"
#include "app/client/request_waits.hpp"

namespace fp {

namespace {

// How often a connection attempt may meet a node that is gone already. CAF remembers a published actor for a moment
// after its node went away.
constexpr uint32_t max_stale_handles = 8;
constexpr auto stale_handle_delay = std::chrono::milliseconds(10);

// How often a request may be put back before it was sent.
constexpr uint32_t max_restarts = 3;

constexpr auto min_timeout = std::chrono::milliseconds(1);

std::string in_ms(std::chrono::milliseconds t) { return std::to_string(t.count()) + " ms"; }

}  // namespace

void connection_state::init(pointer self_ptr, client_options o) {
  self = self_ptr;
  options = std::move(o);
  indexes.init(self, deadlines, node, options.request_timeout, decltype(indexes)::place::elsewhere);
  indexes.observe([this](const std::string& index, const index_handle& handle) { line->open(index, handle); },
                  [this](const std::string& index, const index_handle&) { line->close(index); });
}

// -- Requests
// -------------------------------------------------------------------------------------------------------

template <class Reply, class Handle, class... Ts>
void connection_state::forward(const operation_ptr& op, const Handle& target, std::chrono::milliseconds timeout,
                               caf::typed_response_promise<Reply> promise, const Ts&... xs) {
  deadlines.request<Reply>(
      self, target, timeout, [=](Reply& reply) mutable { promise.deliver(std::move(reply)); },
      [=, this](const caf::error& e) { not_answered(op, e, timeout); }, xs...);
}

template <class Reply, class... Ts>
caf::result<Reply> connection_state::ask_node(bool is_read, std::chrono::milliseconds timeout, const Ts&... xs) {
  auto promise = self->make_response_promise<Reply>();
  auto op = std::make_shared<operation>();
  op->is_read = is_read;
  op->fail = [promise](const caf::error& e) mutable { promise.deliver(e); };
  op->send = [=, this](const operation_ptr& sent) { forward<Reply>(sent, node, timeout, promise, xs...); };
  submit(op);
  return promise;
}

template <class Reply, class... Ts>
caf::result<Reply> connection_state::ask_index(std::string index, bool is_read, std::chrono::milliseconds timeout,
                                               const Ts&... xs) {
  auto promise = self->make_response_promise<Reply>();
  if (index.empty()) {
    promise.deliver(make_error(errc::invalid_index_name, "the index name is empty"));
    return promise;
  }
  auto op = std::make_shared<operation>();
  op->is_read = is_read;
  op->fail = [promise](const caf::error& e) mutable { promise.deliver(e); };
  op->send = [=, this, index = std::move(index)](const operation_ptr& sent) {
    indexes.ask<Reply>(
        index, timeout, [=](Reply& reply) mutable { promise.deliver(std::move(reply)); },
        [=, this](const caf::error& e, ask_phase reached) {
          reached == ask_phase::asking ? not_answered(sent, e, timeout) : not_resolved(sent, e);
        },
        xs...);
  };
  submit(op);
  return promise;
}

template <class Reply, class Handle, class... Ts>
caf::result<Reply> connection_state::ask_job(const Handle& job, const Ts&... xs) {
  auto promise = self->make_response_promise<Reply>();
  if (!job) {
    promise.deliver(make_error(errc::bad_request, "a request to nobody"));
    return promise;
  }
  auto op = std::make_shared<operation>();
  op->fail = [promise](const caf::error& e) mutable { promise.deliver(e); };
  if (jobs.insert(job.address()).second) self->monitor(job);
  forward<Reply>(op, job, options.upkeep_timeout, promise, xs...);
  return promise;
}

caf::result<delete_index_reply> connection_state::erase(const delete_index_request& request) {
  // Requests that come later are for an index that may be made anew under this name.
  indexes.forget(request.name);
  return ask_node<delete_index_reply>(false, options.request_timeout, request);
}

caf::result<resync_reply> connection_state::resync(const resync_request& request) {
  // The copy that takes its place has a handle of its own.
  indexes.forget(request.name);
  return ask_node<resync_reply>(false, options.request_timeout + std::chrono::milliseconds(request.wait_ms),
                                request);
}

caf::result<index_handle> connection_state::resolve(const std::string& index) {
  auto promise = self->make_response_promise<index_handle>();
  if (index.empty()) {
    promise.deliver(make_error(errc::invalid_index_name, "the index name is empty"));
    return promise;
  }
  auto op = std::make_shared<operation>();
  op->is_read = true;
  op->fail = [promise](const caf::error& e) mutable { promise.deliver(e); };
  op->send = [=, this](const operation_ptr& sent) {
    indexes.resolve(
        index, [promise](const index_handle& handle) mutable { promise.deliver(handle); },
        [=, this](const caf::error& e) { not_resolved(sent, e); });
  };
  submit(op);
  return promise;
}

void connection_state::submit(const operation_ptr& op) {
  if (num_pending() >= options.max_pending) {
    failed(op, make_error(errc::overloaded, std::to_string(options.max_pending) + " requests to " +
                                                options.address() + " are unanswered already"));
    return;
  }
  if (now_in == phase::connected) {
    op->send(op);
    return;
  }
  waiting.push_back(op);
  if (now_in == phase::idle) start_connecting();
}

void connection_state::failed(const operation_ptr& op, const caf::error& why) {
  op->fail(with_address(options, why));
}

void connection_state::not_answered(const operation_ptr& op, const caf::error& why,
                                    std::chrono::milliseconds timeout) {
  if (why == caf::sec::request_timeout) {
    failed(op, no_answer(options, timeout));
  } else if (is_receiver_gone(why)) {
    answer_lost(op);
  } else {
    failed(op, why);
  }
}

void connection_state::not_resolved(const operation_ptr& op, const caf::error& why) {
  if (why == caf::sec::request_timeout) {
    failed(op, no_answer(options, options.request_timeout));
  } else if (!is_receiver_gone(why)) {
    failed(op, why);
  } else if (op->restarts++ < max_restarts) {
    submit(op);
  } else {
    failed(op,
           make_error(errc::unreachable, "the connection to " + options.address() + " was lost again and again"));
  }
}

void connection_state::answer_lost(const operation_ptr& op) {
  if (op->is_read && op->losses++ == 0) {
    submit(op);
  } else if (op->is_read) {
    failed(op, make_error(errc::unreachable, "the connection to " + options.address() + " was lost twice"));
  } else {
    failed(op,
           make_error(errc::unreachable, "the connection to " + options.address() +
                                             " was lost before the answer; the node may have done what was asked"));
  }
}

size_t connection_state::num_pending() const {
  return waiting.size() + indexes.num_waiting() + deadlines.size() - indexes.num_resolving();
}

// -- The connection
// -------------------------------------------------------------------------------------------------

std::chrono::milliseconds connection_state::time_left() const {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - self->clock().now());
  return std::max(left, min_timeout);
}

void connection_state::start_connecting() {
  now_in = phase::connecting;
  stale_handles = 0;
  deadline = self->clock().now() + options.connect_timeout;
  connect(++attempts);
}

void connection_state::connect(uint64_t attempt) {
  if (attempt != attempts || now_in != phase::connecting) return;
  auto& system = self->home_system();
  const auto& connector =
      system.has_openssl_manager() ? system.openssl_manager().actor_handle() : system.middleman().actor_handle();
  self->request(connector, time_left(), caf::connect_atom_v, options.host, options.port)
      .then(
          [=, this](const caf::node_id&, const caf::strong_actor_ptr& published,
                    const std::set<std::string>& interface) {
            if (attempt == attempts) verify(attempt, published, interface);
          },
          [=, this](const caf::error& e) {
            if (attempt == attempts) connect_failed(describe(e));
          });
}

void connection_state::verify(uint64_t attempt, const caf::strong_actor_ptr& published,
                              const std::set<std::string>& interface) {
  if (!published || !self->home_system().assignable<node_handle>(interface)) {
    connect_failed(make_error(
        errc::protocol_mismatch,
        options.address() + " is a CAF program, but no fpnode of protocol " + std::to_string(protocol_version)));
    return;
  }
  node = caf::actor_cast<node_handle>(published);
  self->monitor(node);
  self->request(node, time_left(), status_atom_v)
      .then(
          [=, this](const node_status& status) {
            if (attempt != attempts) return;
            if (status.protocol != protocol_version) {
              connect_failed(make_error(errc::protocol_mismatch,
                                        options.address() + " speaks protocol " + std::to_string(status.protocol) +
                                            ", this program speaks " + std::to_string(protocol_version)));
            } else {
              connected();
            }
          },
          [=, this](const caf::error& e) {
            if (attempt != attempts) return;
            if (is_receiver_gone(e)) {
              node_lost();
            } else {
              connect_failed(describe(e));
            }
          });
}

void connection_state::connected() {
  now_in = phase::connected;
  for (const auto& op : std::exchange(waiting, {})) op->send(op);
}

void connection_state::connect_failed(const caf::error& why) {
  ++attempts;
  now_in = phase::idle;
  if (node) self->demonitor(node.address());
  node = node_handle{};
  for (const auto& op : std::exchange(waiting, {})) failed(op, why);
}

caf::error connection_state::describe(const caf::error& why) const {
  using caf::sec;
  const auto where = options.address();
  if (why.category() == error_category) return why;
  if (why == sec::request_timeout) {
    return make_error(errc::unreachable, where + ": no fpnode answered within " + in_ms(options.connect_timeout));
  }
  if (why == sec::incompatible_application_ids) {
    return make_error(errc::protocol_mismatch,
                      where + " speaks another protocol version than this program, which speaks " +
                          std::to_string(protocol_version));
  }
  if (why == sec::incompatible_versions || why == sec::malformed_basp_message ||
      why == sec::serializing_basp_payload_failed) {
    return make_error(errc::protocol_mismatch, where + " does not speak fpnode's protocol (" + text_of(why) + ")");
  }
  if (why == sec::disconnect_during_handshake) {
    const bool has_tls = self->home_system().has_openssl_manager();
    return make_error(
        errc::protocol_mismatch,
        where + " ended the connection during the handshake: " +
            (has_tls ? "it speaks no TLS, one of the two does not trust the other's certificate" : "it wants TLS") +
            ", it is no fpnode, or one of another protocol version");
  }
  if (why == sec::no_actor_published_at_port) {
    return make_error(errc::protocol_mismatch, where + " is a CAF program, but no fpnode");
  }
  if (why == sec::cannot_connect_to_node) {
    return make_error(errc::unreachable, "cannot connect to " + where + "; is fpnode running there?");
  }
  return make_error(errc::unreachable, "cannot connect to " + where + ": " + text_of(why));
}

void connection_state::down(const caf::down_msg& m) {
  const bool is_index = indexes.knows(m.source);
  if ((node && m.source == node.address()) || (is_index && m.reason == caf::exit_reason::remote_link_unreachable)) {
    node_lost();
    return;
  }
  jobs.erase(m.source);
  indexes.forget(m.source);
  deadlines.receiver_lost(*self, m.source);
}

void connection_state::node_lost() {
  const auto attempt = ++attempts;
  if (node) self->demonitor(node.address());
  node = node_handle{};
  if (now_in == phase::connecting) {
    if (++stale_handles < max_stale_handles) {
      self->delayed_send(connection_handle(self), stale_handle_delay, tick_atom_v, attempt);
    } else {
      connect_failed(
          make_error(errc::unreachable, options.address() + ": the node goes away when it is spoken to"));
    }
    return;
  }
  now_in = phase::idle;
  indexes.forget_all();
  deadlines.all_lost(*self);
}

// -- Wiring
// ---------------------------------------------------------------------------------------------------------

connection_handle::behavior_type connection_actor(connection_state::pointer self, client_options options) {
  auto* s = &self->state;
  s->init(self, std::move(options));
  const auto timeout = s->options.request_timeout;
  const auto upkeep_timeout = s->options.upkeep_timeout;
  self->set_exception_handler([](std::exception_ptr& e) { return to_caf_error(e); });
  self->set_down_handler([=](const caf::down_msg& m) { s->down(m); });
  return {
      [=](const create_index_request& r) { return s->ask_node<create_index_reply>(false, timeout, r); },
      [=](const delete_index_request& r) { return s->erase(r); },
      [=](const resync_request& r) { return s->resync(r); },
      [=](const drain_request& r) { return s->ask_node<drain_reply>(true, timeout, r); },
      [=](list_atom a) { return s->ask_node<index_list>(true, timeout, a); },
      [=](status_atom a) { return s->ask_node<node_status>(true, timeout, a); },
      [=](shutdown_atom a) { return s->ask_node<node_status>(false, timeout, a); },
      [=](resolve_atom, const std::string& index) { return s->resolve(index); },
      [=](const std::string& index, const search_request& r) {
        return s->ask_index<search_reply>(index, true, timeout + wait_on_purpose(r), r);
      },
      [=](const std::string& index, const search_batch_request& r) {
        return s->ask_index<search_batch_reply>(index, true, timeout + wait_on_purpose(r), r);
      },
      [=](const std::string& index, const update_request& r) {
        return s->ask_index<update_reply>(index, false, timeout + wait_on_purpose(r), r);
      },
      [=](const std::string& index, const document_request& r) {
        return s->ask_index<document_reply>(index, true, timeout + wait_on_purpose(r), r);
      },
      [=](const std::string& index, const index_info_request& r) {
        return s->ask_index<index_info>(index, true, timeout + wait_on_purpose(r), r);
      },
      [=](const std::string& index, const segments_request& r) {
        return s->ask_index<segment_list>(index, true, timeout + wait_on_purpose(r), r);
      },
      [=](const std::string& index, status_atom a) { return s->ask_index<index_status>(index, true, timeout, a); },
      [=](const std::string& index, checkpoint_atom a) {
        return s->ask_index<upkeep_reply>(index, false, upkeep_timeout, a);
      },
      [=](const std::string& index, merge_atom a) {
        return s->ask_index<upkeep_reply>(index, false, upkeep_timeout, a);
      },
      [=](const std::string& index, reload_atom a) { return s->ask_index<index_status>(index, false, timeout, a); },
      [=](const std::string& index, const snapshot_request& r) {
        return s->ask_index<snapshot_reply>(index, false, timeout + wait_on_purpose(r), r);
      },
      // Who asks this knows others to ask, and does not want to wait for a second connection.
      [=](const std::string& index, const slice_document& r) {
        return s->ask_index<document_reply>(
            index, false, timeout + wait_on_purpose(r.document) + std::chrono::milliseconds(r.wait_ms), r);
      },
      [=](const std::string& index, slice_atom a) { return s->ask_index<slice_status>(index, false, timeout, a); },
      [=](const std::string& index, cluster_atom a) {
        return s->ask_index<cluster_status>(index, true, timeout, a);
      },
      [=](const restore_request& r) { return s->ask_node<restore_handle>(false, timeout, r); },
      [=](const backup_stream_handle& stream, next_atom a) { return s->ask_job<backup_piece>(stream, a); },
      [=](const restore_handle& restore, const backup_piece& p) { return s->ask_job<done_atom>(restore, p); },
      [=](const restore_handle& restore, finish_atom a) { return s->ask_job<restore_reply>(restore, a); },
      [=](tick_atom, uint64_t attempt) { s->connect(attempt); },
      [=](expire_atom) { s->deadlines.expire(*self); },
  };
}

connection_handle::behavior_type shared_connection_actor(connection_state::pointer self, client_options options,
                                                         direct_line_ptr line) {
  self->state.line = std::move(line);
  return connection_actor(self, std::move(options));
}

}  // namespace fp
