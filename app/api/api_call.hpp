#pragma once

#include <spdlog/logger.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/direct_search.hpp"
#include "app/api/load_waits.hpp"
#include "app/api/naming_actor.hpp"
#include "app/api/negotiation.hpp"
#include "app/api/overview_board.hpp"
#include "app/api/sound_actor.hpp"
#include "app/gateway/gateway_bridge.hpp"
#include "app/http/http_server.hpp"

namespace fp {

/// A request that an endpoint serves, and the way to answer it.
struct api_call {
  http_request request;
  http_responder respond;
  body_format format;                 ///< of the answer
  std::vector<std::string> segments;  ///< of the path

  const std::string& index() const { return segments.front(); }
  bool is_head() const { return request.method == http_method::head; }
  void refuse(unsigned status, std::string_view name) const { respond(error_response(status, name, format)); }
  void not_found() const { refuse(404, "NotFound"); }
  /// What a name has behind the path's question mark ("?held=a,b&max=10"), as sent; nothing when it has nothing.
  std::optional<std::string_view> parameter_text(std::string_view name) const;
  /// The same as a number; nothing when it cannot be read as one.
  std::optional<uint64_t> parameter(std::string_view name) const;

  /// Decodes a body that must be there. When that is impossible it answers why, and returns nothing.
  template <class F>
  auto body(F decode) const -> decltype(decode(std::string_view(), body_format::json)) {
    const auto body_type = request_format(request);
    if (!body_type) {
      refuse(415, "UnsupportedMediaType");
      return std::nullopt;
    }
    auto decoded = decode(request.body, *body_type);
    if (!decoded) refuse(400, "BadRequest");
    return decoded;
  }
  /// The same for a body that may be missing.
  template <class F>
  auto optional_body(F decode) const -> decltype(decode(std::string_view(), body_format::json)) {
    using decoded = decltype(decode(std::string_view(), body_format::json));
    if (request.body.empty()) return decoded(std::in_place);
    return body(decode);
  }
  /// For the callbacks of a request to an actor.
  bridge_state::failure failed() const {
    return [r = respond, f = format](const caf::error& e) { r(error_response(e, f)); };
  }
};

/// What the handlers work with.
struct api_service {
  std::vector<bridge_handle> bridges;             ///< at least one
  std::shared_ptr<const direct_searches> direct;  ///< asked before an index is; null: nothing is
  size_t max_encoded_bytes = size_t{96} << 20;    ///< of one update
  // Empty: `_metrics` and `_history` are not found.
  metrics_handle metrics;
  history_handle history;
  naming_handle naming;  ///< empty: `_identify` is not found
  sound_handle sounds;   ///< empty: `_fingerprint` is not found
  /// Of sounds that wait or are worked on, which are `max_sounds` at most.
  std::shared_ptr<std::atomic<size_t>> num_sounds = std::make_shared<std::atomic<size_t>>(0);
  changelog_handle changelog;  ///< that others may follow; empty: they may not
  std::chrono::milliseconds changelog_timeout{30'000};
  std::shared_ptr<load_waits> waits = std::make_shared<load_waits>();  ///< for indexes that load
  std::shared_ptr<spdlog::logger> log;  ///< of internal errors; null: they are not logged
  bool tells_strangers_names = true;    ///< of indexes, to who shows no token
  /// Of the first bridge alone.
  std::shared_ptr<overview_board> board = std::make_shared<overview_board>();

  bool serves_changelog() const { return static_cast<bool>(changelog); }
  const bridge_handle& bridge_of(const api_call& c) const { return bridges[c.request.io_thread % bridges.size()]; }
  void in_bridge(const api_call& c, std::function<void(bridge_state&)> run) const {
    caf::anon_send(bridge_of(c), bridge_call{std::move(run)});
  }
  /// Asks the index that a path names, and answers with what `answer` makes of the reply.
  template <class Reply, class Answer, class... Ts>
  void ask_index(const api_call& c, std::chrono::milliseconds timeout, Answer answer, Ts... message) const {
    in_bridge(c, [=, index = c.index(), r = c.respond, failed = c.failed()](bridge_state& b) {
      b.ask_index<Reply>(
          index, timeout, [=](const Reply& reply) { r(answer(reply)); }, failed, message...);
    });
  }
  /// The same for what an index can tell when it has loaded. It is waited for, but not by HEAD, which asks for no
  /// more than how things are.
  template <class Reply, class Answer, class... Ts>
  void ask_loaded_index(const api_call& c, std::chrono::milliseconds timeout, Answer answer, Ts... message) const {
    const auto wait = c.is_head() ? std::chrono::milliseconds(0) : waits->longest();
    in_bridge(c, [=, waiting = waits, index = c.index(), r = c.respond, failed = c.failed()](bridge_state& b) {
      waiting->ask_index<Reply>(
          b, index, wait, timeout, [=](const Reply& reply) { r(answer(reply)); }, failed, message...);
    });
  }
  /// Asks the node, and answers likewise.
  template <class Reply, class Answer, class... Ts>
  void ask_node(const api_call& c, std::chrono::milliseconds timeout, Answer answer, Ts... message) const {
    in_bridge(c, [=, r = c.respond, failed = c.failed()](bridge_state& b) {
      b.ask_node<Reply>(
          timeout, [=](const Reply& reply) { r(answer(reply)); }, failed, message...);
    });
  }
};

}  // namespace fp
