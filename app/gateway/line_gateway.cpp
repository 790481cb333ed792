#include "app/gateway/line_gateway.hpp"

#include "app/gateway/request_timeouts.hpp"

namespace fp {

namespace {

constexpr std::string_view max_document_id = "max_document_id", search_failed = "search failed",
                           commit_failed = "commit failed";
constexpr uint32_t min_score = 1;
constexpr uint32_t as_long_as_allowed = UINT32_MAX;  // by max_ready_wait_ms

/// One transaction may take this share of what all of them may, so that some go on beside each other.
constexpr uint64_t transaction_share = 4;

size_t max_transaction_bytes(const line_settings& c, size_t max_update_bytes) {
  return std::max<size_t>(max_update_bytes, c.legacy_max_transaction_bytes / transaction_share);
}

line_server_options server_options(const line_settings& c, const std::string& host, size_t max_update_bytes) {
  line_server_options o;
  o.host = host;
  o.port = c.legacy_port.port;
  o.max_connections = c.legacy_max_connections;
  o.limits.max_transaction_bytes = max_transaction_bytes(c, max_update_bytes);
  o.max_buffered_bytes = c.legacy_max_transaction_bytes;
  o.write_timeout = std::chrono::milliseconds(c.legacy_write_timeout_ms);
  return o;
}

/// Creates the index unless it is there. An index that loads is not waited for, and one that has failed to can be
/// reloaded.
void ensure_index(caf::actor_system& system, const node_handle& node, const std::string& name) {
  caf::scoped_actor self{system};
  caf::error failure;
  const auto keep = [&](const caf::error& e) { failure = e; };
  self->request(node, folder_timeout, resolve_atom_v, name).receive([](const index_handle&) {}, keep);
  if (failure && code_of(failure) == errc::index_not_found) {
    create_index_request request;
    request.name = name;
    failure = {};
    self->request(node, folder_timeout, request).receive([](const create_index_reply&) {}, keep);
  }
  if (failure && code_of(failure) != errc::index_failed) {
    throw error(code_of(failure), "index " + name + ", for the line protocol: " + text_of(failure));
  }
}

/// The first generation's servers round the share of the best score that is asked for, where a search cuts it off.
/// What has less than the rounded one stands at the end.
std::string results_text(const result_list& results, uint32_t top_score_percent) {
  const uint64_t least = results.empty() ? 0 : (uint64_t{results[0].score} * top_score_percent + 50) / 100;
  std::string text;
  for (size_t i = 0; i < results.size(); i++) {
    const auto found = results[i];
    if (found.score < least) break;
    if (i > 0) text += ' ';
    text += std::to_string(found.id);
    text += ':';
    text += std::to_string(found.score);
  }
  return text;
}

std::string attribute_text(const snapshot& index, std::string_view name) {
  if (const auto value = index.metadata().find(name)) return std::string(*value);
  return name == max_document_id ? std::to_string(index.stats().max_document) : std::string();
}

/// A failure without a text of its own goes by the name of its request. That there is no index is told: on a
/// replica it may be still to come.
line_answer refusal(std::string_view name, const caf::error& why) {
  if (code_of(why) != errc::index_not_found) return {};
  return {false, std::string(name) + ": " + text_of(why)};
}

/// Makes of a line's work, on its I/O thread, what asks the index in a bridge, or answers it and makes nothing.
/// What it makes waits for an index that loads, as long as the settings allow, because clients take an error for
/// "nothing found". An index that has failed to load is a failure of the request: an empty attribute would make an
/// import begin from its start.
class line_worker {
 public:
  using task = std::function<void(bridge_state&)>;

  line_worker(std::string index, std::shared_ptr<const direct_searches> direct, size_t max_update_bytes)
      : index_(std::move(index)), direct_(std::move(direct)), max_update_bytes_(max_update_bytes) {}

  task operator()(const line_search& wish, const line_responder& respond) const {
    auto request = std::make_shared<search_request>();
    request->query = wish.query;
    request->limit = wish.max_results;
    request->min_score = min_score;
    request->score_pct = wish.top_score_percent;
    request->probes = wish.probes;
    request->timeout_ms = wish.timeout_ms;
    request->ready_wait_ms = wish.timeout_ms > 0 ? wish.timeout_ms : as_long_as_allowed;
    if (direct_) {
      try {
        if (const auto found = direct_->try_search(index_, *request, respond.cancel().get())) {
          respond({true, results_text(found->results, request->score_pct)});
          return {};
        }
      } catch (const error&) {
        respond({false, "timeout exceeded"});
        return {};
      }
    }
    return [=, index = index_](bridge_state& b) {
      b.ask_index<search_reply>(
          index, search_wait(request->timeout_ms),
          [=](const search_reply& found) {
            respond({true, results_text(found.results, request->score_pct)});
          },
          [=, limited = request->timeout_ms > 0](const caf::error& e) {
            const auto code = code_of(e);
            const bool late = code == errc::search_timeout || code == errc::request_timeout;
            respond(late && limited ? line_answer{false, "timeout exceeded"} : refusal(search_failed, e));
          },
          local_search{request, respond.cancel()});
    };
  }

  task operator()(const line_commit& wish, const line_responder& respond) const {
    const local_update update{
        checked_changes(wish.changes, {.max_bytes = max_update_bytes_}), {}, as_long_as_allowed};
    return [=, index = index_](bridge_state& b) {
      b.ask_index<update_reply>(
          index, write_timeout,
          [=](const update_reply&) {
            respond({true, {}});
          },
          failed(respond, commit_failed), update);
    };
  }

  task operator()(const line_get& wish, const line_responder& respond) const {
    return [=, index = index_, name = wish.name](bridge_state& b) {
      b.ask_index<snapshot_ptr>(
          index, look_timeout,
          [=](const snapshot_ptr& served) {
            respond({true, attribute_text(*served, name)});
          },
          failed(respond, search_failed), served_request{as_long_as_allowed});
    };
  }

 private:
  static bridge_state::failure failed(const line_responder& respond, std::string_view name) {
    return [=](const caf::error& e) { respond(refusal(name, e)); };
  }

  std::string index_;
  std::shared_ptr<const direct_searches> direct_;
  size_t max_update_bytes_;
};

}  // namespace

line_gateway::line_gateway(caf::actor_system& system, const line_settings& settings, const std::string& host,
                           size_t max_update_bytes, node_handle node, bool makes_index,
                           std::shared_ptr<const direct_searches> direct,
                           const std::shared_ptr<node_metrics>& metrics) {
  if (makes_index) ensure_index(system, node, settings.legacy_index);
  const auto options = server_options(settings, host, max_update_bytes);
  for (uint32_t i = 0; i < options.threads; i++) bridges_.push_back(system.spawn(gateway_bridge, node));
  const auto work_on = std::make_shared<const line_worker>(settings.legacy_index, std::move(direct),
                                                           options.limits.max_transaction_bytes);
  try {
    server_ = std::make_unique<line_server>(
        options,
        [bridges = bridges_, work_on](uint32_t io_thread, const line_work& work, const line_responder& respond) {
          auto task = std::visit([&](const auto& wish) { return (*work_on)(wish, respond); }, work);
          if (task) caf::anon_send(bridges[io_thread % bridges.size()], bridge_call{std::move(task)});
        });
  } catch (...) {
    stop();
    throw;
  }
  if (metrics) {
    metrics->add_gauge("fpindex_line_connections", "Open connections of the line protocol", {},
                       [open = server_->num_connections()] { return static_cast<double>(open->load()); });
  }
}

line_gateway::~line_gateway() { stop(); }

void line_gateway::stop() {
  if (server_) server_->stop();
  for (const auto& b : bridges_) caf::anon_send_exit(b, caf::exit_reason::user_shutdown);
  bridges_.clear();
}

}  // namespace fp
