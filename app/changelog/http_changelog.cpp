#include "app/changelog/http_changelog.hpp"

#include <algorithm>
#include <utility>

#include "core/base/error.hpp"
#include "core/base/printable.hpp"
#include "core/fpindex/feed_protocol.hpp"

namespace fp {

namespace {

constexpr size_t bootstrap_part_bytes = size_t{4} << 20;

/// A name stands in URLs as it is: fpindex decodes none. Throws for one that cannot.
std::string path_of(std::string_view route, const std::string& index) {
  const bool is_fit =
      !index.empty() && index.size() <= 4'096 && std::all_of(index.begin(), index.end(), [](unsigned char c) {
        return c > 0x20 && c < 0x7f && c != '/' && c != '?' && c != '#';
      });
  if (!is_fit) throw error(errc::bad_request, "the name " + fp::quoted(index) + " cannot be part of a URL");
  return std::string(route) + index;
}

std::string path_of(std::string_view route, const lineage& l) {
  return path_of(route, l.index) + "/" + std::to_string(l.generation);
}

changelog_status status_of(unsigned http_status, bool is_write) noexcept {
  switch (http_status) {
    case 403:
      return is_write ? changelog_status::read_only : changelog_status::unavailable;
    case 404:
      return changelog_status::no_lineage;
    case 409:
      return is_write ? changelog_status::mismatch : changelog_status::unavailable;
    case 410:
      return changelog_status::below_retention;
    default:
      return is_write && http_status >= 500 && http_status != 503 ? changelog_status::in_doubt
                                                                  : changelog_status::unavailable;
  }
}

std::string describe_answer(unsigned http_status, std::string_view text, const http_access_ptr& access) {
  std::string described = "was answered with status " + std::to_string(http_status);
  if (!text.empty()) described += ": " + printable(text, 200);
  return described + http_access::advice(access.get(), http_status);
}

std::string body_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The bytes of a bootstrap stream, by whatever deadline the next part has.
class answer_source final : public fpindex::byte_source {
 public:
  explicit answer_source(http_connection& connection) : connection_(connection) {}
  size_t read(std::span<std::byte> out) override { return connection_.read(out, deadline); }

  http_connection::time_point deadline;

 private:
  http_connection& connection_;
};

/// The stream of one answer.
class http_bootstrap final : public bootstrap_stream {
 public:
  http_bootstrap(http_url server, const interruption& stop, const http_access_ptr& access,
                 const std::string& target, http_connection::time_point deadline)
      : name_(server.origin() + target), client_(std::move(server), stop, access), source_(client_.connection()) {
    source_.deadline = deadline;
    status = client_.begin("GET", target, {}, deadline);
    if (status == 200) {
      decoder_.emplace(name_, source_);
    } else {
      why = name_ + " " + describe_answer(status, client_.read_text(deadline), access);
    }
  }

  feed_position position() const noexcept override { return decoder_->position(); }
  part next(http_connection::time_point deadline) override {
    part result;
    source_.deadline = deadline;
    try {
      result.changes = decoder_->next(bootstrap_part_bytes);
    } catch (const error& e) {
      refuse(result, changelog_status::unavailable, e.what());
    }
    return result;
  }

  unsigned status = 0;
  std::string why;

 private:
  std::string name_;
  http_client client_;
  answer_source source_;
  std::optional<fpindex::bootstrap_decoder> decoder_;
};

}  // namespace

http_changelog::http_changelog(const std::string& url, const http_access_ptr& access)
    : server_(parse_url(url)),
      access_(access),
      name_("the feed at " + server_.origin()),
      client_(server_, stop_, access_) {}

http_changelog::~http_changelog() = default;

http_changelog::outcome http_changelog::ask(
    changelog_answer& answer, const std::string& method, const std::string& target, std::span<const std::byte> body,
    time_point deadline,
    const std::function<void(const std::string& name, std::span<const std::byte> body)>& decode) {
  const bool is_write = method != "GET";
  try {
    const auto got = client_.ask(method, target, body, fpindex::max_feed_body_bytes, deadline);
    if (got.status == 200) {
      decode(server_.origin() + target, got.body);
      return outcome::done;
    }
    const std::string text = body_text(got.body);
    refuse(answer, status_of(got.status, is_write),
           server_.origin() + ": " + method + " " + target + " " + describe_answer(got.status, text, access_));
  } catch (const error& e) {
    const bool is_in_doubt = is_write && client_.may_be_done();
    refuse(answer, is_in_doubt ? changelog_status::in_doubt : changelog_status::unavailable, e.what());
    if (e.code() == errc::payload_too_large) return outcome::too_large;
  }
  return outcome::refused;
}

std::vector<append_answer> http_changelog::append(const lineage& l, std::span<const feed_append> appends,
                                                  time_point deadline) {
  std::vector<append_answer> answers(appends.size());
  for (size_t i = 0; i < appends.size(); i++) append_one(l, appends[i], answers[i], deadline);
  return answers;
}

void http_changelog::append_one(const lineage& l, const feed_append& a, append_answer& answer,
                                time_point deadline) {
  fpindex::feed_body body;
  std::string target;
  try {
    target = path_of("/_changelog/", l);
    body = fpindex::encode_append_request(*a.changes, a.expected);
  } catch (const error& e) {
    return refuse(answer, changelog_status::unsupported, name_ + ": " + e.what());
  }
  if (body.size() > fpindex::max_feed_body_bytes) {
    return refuse(answer, changelog_status::unsupported,
                  name_ + ": an update of " + std::to_string(body.size()) + " bytes; its protocol allows " +
                      std::to_string(fpindex::max_feed_body_bytes));
  }
  ask(answer, "POST", target, body, deadline, [&](const std::string& name, std::span<const std::byte> bytes) {
    answer.position = fpindex::decode_number(name, bytes, 'i');
  });
}

feed_changes http_changelog::read(const lineage& l, feed_position after, const read_limits& limits,
                                  std::optional<uint64_t>, time_point deadline) {
  feed_changes answer;
  uint32_t count = std::clamp(limits.max_changes, 1u, max_entries);
  try {
    const std::string route = path_of("/_changelog/", l);
    for (;;) {
      const std::string target = route + "?after=" + std::to_string(after) + "&max=" + std::to_string(count);
      changelog_answer failed;
      feed_changes piece;
      const outcome asked =
          ask(failed, "GET", target, {}, deadline, [&](const std::string& name, std::span<const std::byte> body) {
            piece = fpindex::decode_read_answer(name, body, after, limits);
          });
      // Fewer of them may be small enough.
      if (asked == outcome::too_large && count > 1) {
        count = std::max(1u, count / 8);
        continue;
      }
      if (asked != outcome::done) {
        static_cast<changelog_answer&>(answer) = failed;
        return answer;
      }
      // Entries that change nothing are behind whoever reads.
      const bool is_only_nothing = piece.positions.empty() && piece.newest > after;
      if (is_only_nothing) {
        after = piece.newest;
        continue;
      }
      if (piece.positions.empty()) piece.retry_after = std::max(piece.retry_after, min_retry);
      // A full answer does not tell how far the changelog goes on.
      if (!piece.positions.empty() && piece.retry_after.count() == 0) piece.newest = 0;
      return piece;
    }
  } catch (const error& e) {
    refuse(answer, changelog_status::unavailable, name_ + ": " + e.what());
  }
  return answer;
}

feed_bounds http_changelog::bounds(const lineage& l, time_point deadline) {
  feed_bounds answer;
  const auto nothing = std::make_shared<const std::vector<uint8_t>>();
  append_answer asked;
  append_one(l, {nothing, std::nullopt, {}}, asked, deadline);
  static_cast<changelog_answer&>(answer) = asked;
  answer.newest = asked.position;
  // It was no write.
  if (asked.status == changelog_status::in_doubt) answer.status = changelog_status::unavailable;
  if (asked.status == changelog_status::read_only) answer.status = changelog_status::unsupported;
  return answer;
}

changelog::newest_answer http_changelog::newest(std::span<const lineage>, time_point) {
  newest_answer answer;
  refuse(answer, changelog_status::unsupported, name_ + ": its protocol asks for one lineage at a time");
  return answer;
}

changelog_answer http_changelog::truncate(const lineage& l, feed_position floor, time_point deadline) {
  changelog_answer answer;
  try {
    const std::string target = path_of("/_truncate/", l) + "?floor=" + std::to_string(floor);
    ask(answer, "POST", target, {}, deadline, [](const std::string&, std::span<const std::byte>) {});
  } catch (const error& e) {
    refuse(answer, changelog_status::unavailable, name_ + ": " + e.what());
  }
  return answer;
}

bootstrap_answer http_changelog::open_bootstrap(const lineage& l, time_point deadline) {
  bootstrap_answer answer;
  try {
    auto stream = std::make_unique<http_bootstrap>(server_, stop_, access_, path_of("/_bootstrap/", l), deadline);
    if (stream->status == 200) {
      answer.stream = std::move(stream);
    } else {
      refuse(answer, stream->status == 404 ? changelog_status::unsupported : status_of(stream->status, false),
             stream->why);
    }
  } catch (const error& e) {
    refuse(answer, changelog_status::unavailable, e.what());
  }
  return answer;
}

meta_operations http_changelog::read_meta(feed_position after, uint32_t max_operations, time_point deadline) {
  meta_operations answer;
  const uint32_t count = std::clamp(max_operations, 1u, max_entries);
  const std::string target = "/_meta?after=" + std::to_string(after) + "&max=" + std::to_string(count);
  meta_operations decoded;
  const outcome asked =
      ask(answer, "GET", target, {}, deadline, [&](const std::string& name, std::span<const std::byte> body) {
        decoded = fpindex::decode_meta_answer(name, body, after);
      });
  if (asked != outcome::done) return answer;
  if (decoded.operations.empty()) decoded.retry_after = std::max(decoded.retry_after, min_retry);
  return decoded;
}

meta_answer http_changelog::put_operation(const std::string& method, const std::string& index, char field,
                                          time_point deadline) {
  meta_answer answer;
  try {
    ask(answer, method, path_of("/_index/", index), {}, deadline,
        [&](const std::string& name, std::span<const std::byte> body) {
          answer.position = fpindex::decode_number(name, body, field);
        });
  } catch (const error& e) {
    refuse(answer, changelog_status::unsupported, name_ + ": " + e.what());
  }
  return answer;
}

meta_answer http_changelog::create_index(const std::string& index, time_point deadline) {
  return put_operation("PUT", index, 'g', deadline);
}

meta_answer http_changelog::delete_index(const std::string& index, time_point deadline) {
  return put_operation("DELETE", index, 'p', deadline);
}

}  // namespace fp
