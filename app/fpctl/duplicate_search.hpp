#pragma once

#include <functional>
#include <string>
#include <vector>

#include "app/client/client.hpp"
#include "app/library/recording_library.hpp"
#include "core/identify/hash_form.hpp"

namespace fp::ctl {

/// Two recordings that sound alike.
struct recording_pair {
  document_id first = 0, second = 0;
  double equal_bits = 0;  ///< share, of the hashes that lie over each other where they fit best
};

struct duplicate_options {
  std::string index;
  double min_equal_bits = 0.8;  ///< about 0.5 for any two recordings
  uint32_t ready_wait_ms = 0;
};

/// Finds recordings whose fingerprints, laid over each other where they fit best, are alike over at least half of
/// the shorter one: files of one recording, whatever their codec. The index names the candidates, by common hashes.
class duplicate_search {
 public:
  static constexpr uint32_t max_candidates = 50;  ///< of a recording

  duplicate_search(client& node, recording_library& library, duplicate_options options)
      : node_(node), library_(library), options_(std::move(options)) {}

  std::function<void(uint64_t done, uint64_t total)> on_progress = [](uint64_t, uint64_t) {};
  /// Is told of recordings that cannot be compared.
  std::function<void(const std::string&)> on_note = [](const std::string&) {};

  /// Each pair once, the smaller id first.
  std::vector<recording_pair> run();

 private:
  std::vector<document_id> candidates(document_id id, const std::vector<hash_value>& hashes);
  std::vector<hash_value> fingerprint(document_id id);

  client& node_;
  recording_library& library_;
  duplicate_options options_;
  hash_form form_ = hash_form::plain;  ///< of the index
};

/// Puts together what pairs connect. Groups and their members by id.
std::vector<std::vector<document_id>> group_pairs(const std::vector<recording_pair>& pairs);

}  // namespace fp::ctl
