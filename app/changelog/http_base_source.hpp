#pragma once

#include <string>
#include <vector>

#include "app/changelog/http_connection.hpp"
#include "core/changelog/replica_base.hpp"

namespace fp {

/// Other nodes by their HTTP ports: what they say of an index by `GET /:index/_status`, and their backups of it by
/// `GET /:index/_snapshot`. One that has none of our kind answers with fpindex's snapshot.
class http_base_source final : public base_source {
 public:
  /// `instance`: the node that asks, to the others. Throws `bad_request` for a URL that is none.
  explicit http_base_source(std::vector<std::string> peers, uint64_t instance = 0,
                            http_access_ptr access = nullptr);

  /// Asks all of them at once.
  std::vector<peer_report> probe(const std::string& index, time_point deadline) override;
  std::unique_ptr<base_stream> open(const wanted_base& wanted, std::span<const uint64_t> held,
                                    time_point deadline) override;
  void interrupt() noexcept override { stop_.raise(); }

 private:
  peer_report ask(const std::string& url, const std::string& index, time_point deadline) const;

  std::vector<std::string> peers_;
  uint64_t instance_;
  http_access_ptr access_;
  interruption stop_;
};

}  // namespace fp
