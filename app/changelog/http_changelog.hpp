#pragma once

#include <functional>
#include <string>

#include "app/changelog/http_client.hpp"
#include "core/changelog/changelog.hpp"

namespace fp {

/// The feed of a server that speaks fpindex's coordinator protocol (`core/fpindex/feed_protocol.hpp`):
/// acoustid-server, an fpindex coordinator, another fpnode.
///
/// The protocol has no ids of appends. A write whose answer got lost, or whose server failed (a status of 500 and
/// above, but for 503), is in doubt and stays so: nobody may repeat it, and who wants to know looks at the index.
/// Nor does it tell that a reader is ahead of the log: such a one gets nothing.
///
///     status                    is
///     404, 409, 410             no_lineage, mismatch, below_retention
///     403 to a write            read_only
///     404 to a bootstrap        unsupported
///     any other, no answer, an answer that makes no sense    unavailable, or, to a write, in_doubt
///
/// Nothing connects before it is asked something.
class http_changelog final : public changelog {
 public:
  /// What a server gives of one question at most; fpindex's clamps to it.
  static constexpr uint32_t max_entries = 1'024;
  /// Who asks again for nothing new waits so long at least, as fpindex does.
  static constexpr std::chrono::milliseconds min_retry{50};

  /// Throws `bad_request` for something that is no URL of such a server.
  explicit http_changelog(const std::string& url, const http_access_ptr& access = nullptr);
  ~http_changelog() override;

  const std::string& name() const noexcept override { return name_; }
  bool resolves_doubt() const noexcept override { return false; }
  /// One question each.
  std::vector<append_answer> append(const lineage& l, std::span<const feed_append> appends,
                                    time_point deadline) override;
  feed_changes read(const lineage& l, feed_position after, const read_limits& limits, std::optional<uint64_t> tag,
                    time_point deadline) override;
  /// Asks by an append of nothing, so that a feed which nobody can write to is `unsupported`. The floor is not
  /// known, and 0.
  feed_bounds bounds(const lineage& l, time_point deadline) override;
  newest_answer newest(std::span<const lineage> lineages, time_point deadline) override;
  changelog_answer truncate(const lineage& l, feed_position floor, time_point deadline) override;
  bootstrap_answer open_bootstrap(const lineage& l, time_point deadline) override;
  meta_operations read_meta(feed_position after, uint32_t max_operations, time_point deadline) override;
  meta_answer create_index(const std::string& index, time_point deadline) override;
  meta_answer delete_index(const std::string& index, time_point deadline) override;
  void interrupt() noexcept override { stop_.raise(); }

 private:
  enum class outcome : uint8_t { done, refused, too_large };
  /// Asks, and has `decode` make something of a successful answer. Otherwise the reason is in `answer`.
  outcome ask(changelog_answer& answer, const std::string& method, const std::string& target,
              std::span<const std::byte> body, time_point deadline,
              const std::function<void(const std::string& name, std::span<const std::byte> body)>& decode);
  void append_one(const lineage& l, const feed_append& a, append_answer& answer, time_point deadline);
  meta_answer put_operation(const std::string& method, const std::string& index, char field, time_point deadline);

  const http_url server_;
  const http_access_ptr access_;
  const std::string name_;
  interruption stop_;
  http_client client_;
};

}  // namespace fp
