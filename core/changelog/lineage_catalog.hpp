#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "core/changelog/backoff.hpp"
#include "core/changelog/changelog.hpp"

namespace fp {

/// What following the meta feed wants done. Each is begun, not done, when its function returns.
class catalog_effects {
 public:
  virtual ~catalog_effects() = default;

  /// `read_done` tells of it.
  virtual void read_meta(feed_position after) = 0;
  /// Make an empty replica; `done` or `failed` tells.
  virtual void create(const std::string& index, uint64_t generation) = 0;
  /// Delete a replica; `done` or `failed` tells.
  virtual void erase(const std::string& index) = 0;
  /// Nothing is done about the index, and why; empty: something is again.
  virtual void parked(const std::string& index, const std::string& why) = 0;
  /// All that the feed held when it was first read has been looked at.
  virtual void caught_up() = 0;
  /// Call `look` at this time, if not earlier.
  virtual void wake_at(std::chrono::steady_clock::time_point when) = 0;
  /// The feed does not answer, and why; empty: it does again.
  virtual void feed_failed(const std::string& why) = 0;
};

/// Decides what a node's catalog of replicas should be: what the meta feed said last of each name. Events in,
/// effects out; knows no actors and clocks.
///
/// Nothing that the node holds is deleted because a feed lacks it: only a feed that tells of the generation that is
/// here, and then of its end, deletes it. Where a feed contradicts what is here (it is empty, or shorter than it
/// was, or another one) the index is parked, and so is one whose name nobody can have here; that holds up no other.
class lineage_catalog {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  struct options {
    std::chrono::milliseconds poll{1'000};  ///< how often the feed is asked while nothing is new
    uint64_t seed = 0;                      ///< of its delays after failures
  };

  /// `effects` must outlive it.
  lineage_catalog(const options& o, catalog_effects& effects);

  /// `local`: the indexes that are here with the generations of their lineages; 0: one of its own.
  void start(const std::map<std::string, uint64_t>& local, time_point now);
  void read_done(const meta_operations& answer, time_point now);
  void done(const std::string& index);
  void failed(const std::string& index, const std::string& why, time_point now);
  /// The generation that an index should have here, for a person who wants another copy of it. Throws
  /// `changelog_unavailable` while the feed does not tell, `index_not_found` for an index that it does not know,
  /// `bad_request` for one that is no replica, and `index_not_ready` while something is done about it.
  uint64_t wanted_generation(const std::string& index) const;
  /// That copy is here.
  void replaced(const std::string& index, uint64_t generation);
  /// Somebody has deleted what was here.
  void removed(const std::string& index);
  /// The feed is known to go on.
  void hurry(time_point now);
  void look(time_point now);

  bool is_caught_up() const noexcept { return caught_up_; }
  feed_position position() const noexcept { return position_; }
  /// What is parked, and why.
  std::map<std::string, std::string> parked() const;

 private:
  struct entry {
    std::optional<meta_operation> last;  ///< what the feed said last
    std::optional<uint64_t> local;       ///< generation of the lineage that is here
    bool feed_knows_local = false;       ///< the feed has told of the create of what is here
    bool is_running = false;             ///< something is done about it
    std::optional<uint64_t> creating;    ///< what is being made; erasing when there is none
    std::string parked;
    std::optional<backoff> delays;
    std::optional<time_point> next_try;
  };

  void note(const meta_operation& operation);
  void decide(const std::string& index, entry& e);
  void park(const std::string& index, entry& e, const std::string& why);
  void read_later(time_point when);

  options options_;
  catalog_effects& effects_;
  backoff delays_;
  std::map<std::string, entry> entries_;
  feed_position position_ = 0;
  bool reading_ = false, caught_up_ = false, hurries_ = false;
  std::optional<time_point> next_read_;
  std::string failure_;
};

}  // namespace fp
