#pragma once

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/actors/faults/examine.hpp"
#include "tests/actors/faults/ledger.hpp"
#include "tests/actors/support/acting_node.hpp"

namespace fp::test {

/// The scripted history that faults are injected into: creates, updates that rotate the log, checkpoints, merges,
/// deletes, a restored backup, clean and unclean restarts, three indexes beside each other. Much of it overlaps:
/// what a step has asked for may still be on its way in the next ones, and when nodes are killed.
class history {
 public:
  /// `seed`: how the actors take turns; 0: each step comes to its end.
  explicit history(file_system& fs, uint64_t seed = 0);

  static size_t num_steps();
  static const std::string& name_of(size_t step);
  /// Runs a step. False when something has failed since the last one, as it may when something was injected;
  /// `reason` says how.
  bool run(size_t step);
  const std::string& reason() const { return reason_; }

  /// What is wrong between what is served, or was answered, and the ledger; empty when nothing is.
  std::string examine_memory();
  /// Of a disk that works again: what does not work again by itself, or after a reload where that is needed. Empty
  /// when everything does.
  std::string recover();
  /// What may have happened by now, also when a step is only half done.
  const ledger& known() const { return known_; }
  /// Indexes that took no writes for their logs, and took them again without a reload.
  size_t num_recovered() const { return num_recovered_; }
  /// What the nodes have warned of.
  std::string log_text() const;

 private:
  using named_step = std::pair<std::string, std::function<void(history&)>>;
  static const std::vector<named_step>& script();

  acting_node& node();
  void start();
  /// Runs the node a little, or until nothing is left to do.
  void run_some();
  /// Until nothing is left to do: everything asked for must have been answered.
  void come_to_rest();
  /// Of several possible states, keeps the one that an index is in, once nothing is open any more.
  void settle();
  void settle_absent(const std::map<std::string, acting_node::index>& found);
  bool is_listed(const std::string& name);
  /// Whether a client reaches the index; loaded again where only that helps.
  bool is_usable(const std::string& name);
  bool is_serving(const std::string& name);
  void note_state(const std::string& name);
  void note_failure(const std::string& why);

  /// Whether what is asked for may be refused although nothing is wrong.
  enum class refusal { is_failure, may_be };
  template <class Reply>
  acting_node::then<Reply> hear(const std::string& what, refusal r, std::function<void(const Reply&)> done,
                                std::function<void(const caf::error&)> failed);
  void create(const std::string& name);
  void erase(const std::string& name);
  void update(const std::string& name, refusal r = refusal::is_failure);
  void checkpoint(const std::string& name, refusal r = refusal::is_failure);
  void merge(const std::string& name, refusal r = refusal::is_failure);
  void copy(const std::string& from, const std::string& to);
  void pass(std::chrono::milliseconds time);
  void close();
  void kill();
  void kill_during_start();

  file_system& fs_;
  uint64_t seed_;
  random_data data_{7};
  std::mt19937_64 random_;
  ledger known_ = empty_ledger();
  std::map<std::string, std::map<commit_id, naive_index>> past_;  ///< states of indexes, for backups
  std::unique_ptr<acting_node> node_;
  size_t num_unanswered_ = 0, num_recovered_ = 0;
  std::string failure_, reason_, wrong_, log_;
};

}  // namespace fp::test
