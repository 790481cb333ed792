#include <algorithm>
#include <charconv>
#include <random>

#include "app/api/api_call.hpp"
#include "app/api/changelog_body.hpp"
#include "app/api/handlers.hpp"
#include "core/fpindex/feed_protocol.hpp"

// fpindex's coordinator protocol, as its `coordinator_server.zig` speaks it: names are taken as they stand in the
// path, nothing waits, errors are plain text.

namespace fp {

namespace {

using std::chrono::milliseconds;

constexpr uint32_t default_entries = 256, max_entries = 1'024;
/// fpindex takes no answer of more than 10 MiB. A hash takes 4 bytes here, and up to 5 there.
constexpr uint64_t max_answer_bytes = uint64_t{4} << 20;
/// For who has got everything.
constexpr milliseconds nothing_new{1'000};

http_response plain(unsigned status, std::string_view text) {
  http_response r;
  r.status = status;
  r.body = text;
  return r;
}

http_response packed(const fpindex::feed_body& body) {
  http_response r;
  r.content_type = msgpack_type;
  r.body.assign(reinterpret_cast<const char*>(body.data()), body.size());
  return r;
}

http_response internal_error(std::string reason) {
  auto r = plain(500, "Internal Server Error\n");
  r.internal_reason = std::move(reason);
  return r;
}

/// Of an answer that is not `done`.
http_response failure(const changelog_answer& a) {
  switch (a.status) {
    case changelog_status::mismatch:
      return plain(409, "VersionMismatch");
    case changelog_status::below_retention:
      return plain(410, "BelowRetention");
    case changelog_status::no_lineage:
      return plain(404, "IndexNotFound");
    case changelog_status::read_only:
      return plain(403, "FeedIsReadOnly");
    case changelog_status::unsupported:
      return plain(400, a.why);
    case changelog_status::unavailable: {
      // Of a write: it is not in the log.
      auto r = plain(503, "ChangelogUnavailable");
      r.retry_after_s = 1;
      r.internal_reason = a.why;
      return r;
    }
    default:
      return internal_error(a.why);
  }
}

/// The parts of a path as they were sent: names are not decoded.
class feed_path {
 public:
  explicit feed_path(std::string_view target) {
    target = target.substr(0, target.find('?'));
    while (!target.empty()) {
      target.remove_prefix(1);
      const auto part = target.substr(0, target.find('/'));
      parts_.emplace_back(part);
      target.remove_prefix(part.size());
    }
  }

  std::string index() const { return parts_.size() > 1 ? parts_[1] : std::string(); }
  /// Nothing when the generation is no number.
  std::optional<lineage> of() const {
    const auto generation = parts_.size() > 2 ? number(parts_[2]) : std::nullopt;
    return generation ? std::optional(lineage{index(), *generation}) : std::nullopt;
  }

 private:
  static std::optional<uint64_t> number(std::string_view text) {
    uint64_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
  }

  std::vector<std::string> parts_;
};

/// Entries that one answer may hold.
uint32_t max_of(const api_call& c) {
  return static_cast<uint32_t>(std::min<uint64_t>(c.parameter("max").value_or(default_entries), max_entries));
}

/// Asks the changelog, and answers with what `answer` makes of the reply: nothing when it will answer by itself.
template <class Call, class Answer>
void ask_changelog(const api_service& service, const api_call& c, Call call, Answer answer) {
  service.in_bridge(c, [call = std::move(call), answer, log = service.changelog,
                        timeout = service.changelog_timeout, r = c.respond](bridge_state& b) {
    b.ask<typename Call::answer>(
        log, timeout,
        [r, answer](const typename Call::answer& reply) {
          try {
            if (auto response = answer(reply)) r(std::move(*response));
          } catch (const std::exception& e) {
            r(internal_error(e.what()));
          }
        },
        [r](const caf::error& e) { r(internal_error(caf::to_string(e))); }, call);
  });
}

/// Of an append that nobody repeats.
append_id random_id() {
  thread_local std::mt19937_64 random{std::random_device{}()};
  return random_append_id(random);
}

std::optional<http_response> answer_read(const feed_changes& a, uint32_t max) {
  if (!a.is_done() && a.status != changelog_status::ahead_of_log) return failure(a);
  const bool is_full = !a.positions.empty() && (a.positions.size() >= max || a.newest > a.positions.back());
  return packed(fpindex::encode_read_answer(a.positions, a.changes, is_full ? milliseconds(0) : nothing_new));
}

}  // namespace

void handlers::append_to_changelog(const api_service& service, api_call& c) {
  const auto of = feed_path(c.request.target).of();
  if (!of) return c.respond(plain(400, "bad generation"));
  feed_append append;
  try {
    auto request = fpindex::decode_append_request("the body", std::as_bytes(std::span(c.request.body)));
    const changes_limits limits{.max_bytes = service.max_encoded_bytes, .allow_empty_fingerprints = true};
    validate_changes(request.changes, limits);
    append.changes = std::make_shared<const std::vector<uint8_t>>(std::move(request.changes));
    append.expected = request.expected;
    append.id = random_id();
  } catch (const error&) {
    return c.respond(plain(400, "bad body"));
  }
  const auto appends = std::make_shared<const std::vector<feed_append>>(1, std::move(append));
  ask_changelog(service, c, append_call{*of, appends},
                [](const append_call::answer& answers) -> std::optional<http_response> {
                  const append_answer& a = answers.at(0);
                  return a.is_done() ? packed(fpindex::encode_number('i', a.position)) : failure(a);
                });
}

void handlers::read_changelog(const api_service& service, api_call& c) {
  const auto of = feed_path(c.request.target).of();
  if (!of) return c.respond(plain(400, "bad generation"));
  const feed_position after = c.parameter("after").value_or(0);
  const uint32_t max = max_of(c);
  // Whoever asks for nothing gets it.
  if (max == 0) return c.respond(packed(fpindex::encode_read_answer({}, {}, milliseconds(0))));
  ask_changelog(service, c,
                read_call{*of, after, {.max_changes = max, .max_bytes = max_answer_bytes}, std::nullopt},
                [max](const feed_changes& a) { return answer_read(a, max); });
}

void handlers::create_lineage(const api_service& service, api_call& c) {
  ask_changelog(service, c, create_lineage_call{feed_path(c.request.target).index()},
                [](const meta_answer& a) -> std::optional<http_response> {
                  return a.is_done() ? packed(fpindex::encode_number('g', a.position)) : failure(a);
                });
}

void handlers::delete_lineage(const api_service& service, api_call& c) {
  ask_changelog(service, c, delete_lineage_call{feed_path(c.request.target).index()},
                [](const meta_answer& a) -> std::optional<http_response> {
                  return a.is_done() ? packed(fpindex::encode_number('p', a.position)) : failure(a);
                });
}

void handlers::read_meta_feed(const api_service& service, api_call& c) {
  const uint32_t max = max_of(c);
  if (max == 0) return c.respond(packed(fpindex::encode_meta_answer({}, milliseconds(0))));
  ask_changelog(service, c, read_meta_call{c.parameter("after").value_or(0), max},
                [max](const meta_operations& a) -> std::optional<http_response> {
                  if (!a.is_done() && a.status != changelog_status::ahead_of_log) return failure(a);
                  const bool is_full = a.operations.size() >= max;
                  return packed(fpindex::encode_meta_answer(a.operations, is_full ? milliseconds(0) : nothing_new));
                });
}

void handlers::truncate_changelog(const api_service& service, api_call& c) {
  const auto of = feed_path(c.request.target).of();
  if (!of) return c.respond(plain(400, "bad generation"));
  const auto floor = c.parameter("floor");
  if (!floor) return c.respond(plain(400, "missing floor"));
  ask_changelog(service, c, truncate_call{*of, *floor},
                [](const changelog_answer& a) -> std::optional<http_response> {
                  const std::byte empty_map{0x80};
                  return a.is_done() ? packed({empty_map}) : failure(a);
                });
}

void handlers::bootstrap(const api_service& service, api_call& c) {
  const auto of = feed_path(c.request.target).of();
  if (!of) return c.respond(plain(400, "bad generation"));
  const auto no_stream = [] { return plain(404, "no bootstrap stream"); };
  const auto open = [=, bridge = service.bridge_of(c), log = service.changelog,
                     timeout = service.changelog_timeout](const feed_changes& first,
                                                          feed_position position) -> std::optional<http_response> {
    if (first.status == changelog_status::below_retention) return no_stream();
    if (!first.is_done()) return failure(first);
    http_response r;
    r.content_type = msgpack_type;
    r.stream = std::make_shared<changelog_body>(bridge, log, timeout, *of, position, first);
    return r;
  };
  // The position first: what is read then has it, and what comes later is for the feed.
  ask_changelog(service, c, bounds_call{*of},
                [=, respond = c.respond, bridge = service.bridge_of(c), log = service.changelog,
                 timeout = service.changelog_timeout](const feed_bounds& bounds) -> std::optional<http_response> {
                  if (bounds.status == changelog_status::unsupported) return no_stream();
                  if (!bounds.is_done()) return failure(bounds);
                  if (bounds.newest == 0) return open({}, 0);
                  caf::anon_send(bridge, bridge_call{[=](bridge_state& b) {
                                   b.ask<feed_changes>(
                                       log, timeout,
                                       [=](const feed_changes& first) { respond(*open(first, bounds.newest)); },
                                       [=](const caf::error& e) { respond(internal_error(caf::to_string(e))); },
                                       read_call{*of, 0, changelog_body::limits(bounds.newest, 0), std::nullopt});
                                 }});
                  return std::nullopt;
                });
}

}  // namespace fp
