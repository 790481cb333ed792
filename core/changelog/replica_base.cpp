#include "core/changelog/replica_base.hpp"

#include <algorithm>
#include <utility>

namespace fp {

namespace {

/// Why a peer is no donor; empty when it is one.
std::string lack_of(const peer_report& peer, const base_need& need) {
  if (!peer.failure.empty()) return peer.failure;
  if (peer.generation != need.generation) return "has generation " + std::to_string(peer.generation);
  const feed_position newest = std::max(peer.version, peer.file_version);
  if (newest <= need.after) return "is at " + std::to_string(newest) + ", no further than this node";
  if (newest < need.floor) {
    return "is at " + std::to_string(newest) + ", and the changelog begins behind " + std::to_string(need.floor);
  }
  if (need.newest && newest > *need.newest) {
    return "is at " + std::to_string(newest) + ", and the changelog ends with " + std::to_string(*need.newest);
  }
  return "";
}

}  // namespace

std::vector<peer_report> choose_donors(std::vector<peer_report> peers, const base_need& need) {
  std::erase_if(peers, [&](const peer_report& p) { return !lack_of(p, need).empty(); });
  std::ranges::stable_sort(peers, [](const peer_report& a, const peer_report& b) {
    return std::pair(a.file_version, a.version) > std::pair(b.file_version, b.version);
  });
  return peers;
}

std::string why_no_donor(const std::vector<peer_report>& peers, const base_need& need) {
  if (peers.empty()) return "no peers are configured";
  std::string text;
  for (const auto& p : peers) {
    const auto lack = lack_of(p, need);
    if (!lack.empty()) text += (text.empty() ? "" : "; ") + p.url + ": " + lack;
  }
  return text;
}

}  // namespace fp
