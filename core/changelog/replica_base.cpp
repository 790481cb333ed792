#include "core/changelog/replica_base.hpp"

#include <algorithm>
#include <utility>

namespace fp {

namespace {

/// Why a peer is no donor; empty when it is one.
std::string lack_of(const peer_report& peer, uint64_t generation, feed_position after, feed_position floor) {
  if (!peer.failure.empty()) return peer.failure;
  if (peer.generation != generation) return "has generation " + std::to_string(peer.generation);
  const feed_position newest = std::max(peer.version, peer.file_version);
  if (newest <= after) return "is at " + std::to_string(newest) + ", no further than this node";
  if (newest < floor) {
    return "is at " + std::to_string(newest) + ", and the changelog begins behind " + std::to_string(floor);
  }
  return "";
}

}  // namespace

std::vector<peer_report> choose_donors(std::vector<peer_report> peers, uint64_t generation, feed_position after,
                                       feed_position floor) {
  std::erase_if(peers, [&](const peer_report& p) { return !lack_of(p, generation, after, floor).empty(); });
  std::ranges::stable_sort(peers, [](const peer_report& a, const peer_report& b) {
    return std::pair(a.file_version, a.version) > std::pair(b.file_version, b.version);
  });
  return peers;
}

std::string why_no_donor(const std::vector<peer_report>& peers, uint64_t generation, feed_position after,
                         feed_position floor) {
  if (peers.empty()) return "no peers are configured";
  std::string text;
  for (const auto& p : peers) {
    const auto lack = lack_of(p, generation, after, floor);
    if (!lack.empty()) text += (text.empty() ? "" : "; ") + p.url + ": " + lack;
  }
  return text;
}

}  // namespace fp
