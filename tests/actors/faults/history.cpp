#include "tests/actors/faults/history.hpp"

#include <algorithm>
#include <utility>

#include "core/upkeep/retry.hpp"

namespace fp::test {

namespace {

/// Errors that tell that nothing was done, and nothing will be.
bool tells_that_nothing_was_done(const caf::error& e) {
  switch (code_of(e)) {
    case errc::index_not_ready:
    case errc::index_failed:
    case errc::index_not_found:
    case errc::shutting_down:
    case errc::overloaded:
      return true;
    default:
      return false;
  }
}

}  // namespace

history::history(file_system& fs, uint64_t seed) : fs_(fs), seed_(seed), random_(seed) {}

size_t history::num_steps() { return script().size(); }
const std::string& history::name_of(size_t step) { return script()[step].first; }

bool history::run(size_t step) {
  try {
    script()[step].second(*this);
  } catch (const std::exception& e) {
    note_failure(e.what());
  } catch (...) {
    note_failure("something that is no std::exception");
  }
  reason_ = std::exchange(failure_, {});
  return reason_.empty();
}

void history::note_failure(const std::string& why) {
  if (failure_.empty()) failure_ = why;
}

// -- Nodes

acting_node& history::node() {
  if (!node_ || node_->is_down()) start();
  return *node_;
}

void history::start() {
  kill();
  auto options = history_options(seed_);
  if (seed_ != 0) options.seed = random_() | 2;
  node_ = std::make_unique<acting_node>(fs_, history_root, options);
  if (node_->is_down()) throw error(errc::unreachable, "the node has ended: " + node_->log_text());
  settle_absent(node_->indexes());
  settle();
}

void history::kill() {
  if (node_) log_ += node_->log_text() + "(the end of that node)\n";
  node_.reset();
  num_unanswered_ = 0;
}

std::string history::log_text() const { return log_ + (node_ ? node_->log_text() : ""); }

void history::kill_during_start() {
  kill();
  auto options = history_options(seed_);
  options.starts_at_rest = false;
  if (seed_ != 0) options.seed = random_() | 2;
  acting_node node(fs_, history_root, options);
  for (uint64_t steps = seed_ == 0 ? 40 : random_() % 80; steps > 0; steps--) node.step();
}

void history::close() {
  node().close();
  if (num_unanswered_ != 0) wrong_ = "requests that a node had taken when it ended were not answered";
  kill();
  start();
}

void history::run_some() {
  if (!node_) return;
  if (seed_ == 0) {
    node_->run();
    return;
  }
  for (uint64_t steps = random_() % 24; steps > 0; steps--) node_->step();
}

void history::come_to_rest() {
  node().run();
  // A merge may wait for another one that has failed to be tried again.
  if (num_unanswered_ != 0) node_->advance(retry::longest_delay);
  if (num_unanswered_ != 0 && !node_->is_down()) {
    wrong_ = std::to_string(num_unanswered_) + " requests are never answered";
  }
  settle();
}

void history::settle() {
  if (num_unanswered_ != 0) return;
  for (const auto& [name, i] : node_->indexes()) {
    const auto& states = known_.possible(name);
    if (states.size() < 2 || !i.current || node_->may_hold_failed(name)) continue;
    if (const auto* served = find_state(states, i.current)) {
      known_.know(name, ledger::state(*served));
      note_state(name);
    } else {
      wrong_ = name + " serves nothing that it may: " + differences(states, &i);
    }
  }
}

/// A node that has started knows which indexes there are.
void history::settle_absent(const std::map<std::string, acting_node::index>& found) {
  for (const auto& name : known_.names()) {
    if (const auto i = found.find(name); i != found.end()) {
      // Unless its record could not be read.
      if (i->second.generation != 0) known_.rule_out_absence(name);
      continue;
    }
    const auto why = differences(known_.possible(name), nullptr);
    if (why.empty()) {
      known_.know(name, std::nullopt);
    } else {
      wrong_ = name + " after a start: " + why;
    }
  }
}

void history::pass(std::chrono::milliseconds time) {
  node().advance(time);
  come_to_rest();
}

bool history::is_listed(const std::string& name) {
  const auto all = node().get<index_list>(node().handle(), list_atom_v);
  return std::ranges::find(all.indexes, name, &index_entry::name) != all.indexes.end();
}

bool history::is_usable(const std::string& name) {
  try {
    return is_listed(name) && is_serving(name);
  } catch (const error&) {
    // It may have been deleted meanwhile.
    if (node().is_down() || is_listed(name)) throw;
    return false;
  }
}

bool history::is_serving(const std::string& name) {
  const auto status = [&] { return node().get<index_status>(node().resolve(name), status_atom_v); };
  index_status now = status();
  if (now.state == index_state::loading) {
    node().run();
    now = status();
  }
  const bool is_read_only = now.state == index_state::read_only;
  if (now.state == index_state::failed || (is_read_only && node().may_hold_failed(name))) {
    node().reload(name);
    settle();
    now = status();
  } else if (is_read_only) {
    // The log is tried again by then, and so is a checkpoint.
    node().advance(std::chrono::seconds(6));
    now = status();
    if (now.state == index_state::ready) num_recovered_++;
  }
  if (now.state == index_state::failed) throw error(errc::index_failed, now.reason);
  if (!known_.last_known(name)) known_.rule_out_absence(name);
  return true;
}

std::string history::recover() {
  if (!wrong_.empty()) return wrong_;
  try {
    // It may be about to end.
    if (node_) node_->run();
    for (const auto& [name, found] : node().indexes()) {
      acting_node::index i = found;
      if (i.state == index_state::read_only && !node().may_hold_failed(name)) {
        node().advance(std::chrono::seconds(61));
        i = node().at(name);
        if (i.state == index_state::ready) num_recovered_++;
      } else if (i.state != index_state::ready && i.generation != 0) {
        node().reload(name);
        i = node().at(name);
      }
      if (i.state != index_state::ready && i.generation != 0) {
        return name + " is " + to_string(i.state) + ": " + i.reason;
      }
    }
    settle();
  } catch (const std::exception& e) {
    return e.what();
  }
  return wrong_;
}

std::string history::examine_memory() {
  if (!wrong_.empty() || !node_ || node_->is_down()) return wrong_;
  for (const auto& name : known_.names()) {
    const auto compare_served = [&, name](const caf::expected<snapshot_ptr>& served) {
      if (!served || !wrong_.empty()) return;
      // What was never told to have failed is served as soon as it is acknowledged, and not before.
      auto states = known_.possible(name);
      if (!node_->may_hold_failed(name) && !known_.is_in_doubt(name)) states.resize(1);
      if (find_state(states, *served) != nullptr) return;
      acting_node::index i;
      i.current = *served;
      wrong_ = name + " in memory: " + differences(states, &i);
    };
    auto heard = std::make_shared<bool>(false);
    node_->ask_index<snapshot_ptr>(
        name,
        [=](const caf::expected<snapshot_ptr>& served) {
          *heard = true;
          compare_served(served);
        },
        served_request{});
    while (!*heard && node_->step()) {
    }
    if (!*heard && !node_->is_down()) return name + " does not say what it serves";
  }
  return wrong_;
}

// -- Requests

void history::note_state(const std::string& name) {
  if (const auto& s = known_.last_known(name)) past_[name][s->version()] = *s;
}

template <class Reply>
acting_node::then<Reply> history::hear(const std::string& what, refusal r, std::function<void(const Reply&)> done,
                                       std::function<void(const caf::error&)> failed) {
  num_unanswered_++;
  return [=, this](const caf::expected<Reply>& answer) {
    num_unanswered_--;
    if (answer) {
      if (done) done(*answer);
      return;
    }
    if (failed) failed(answer.error());
    if (r == refusal::is_failure) note_failure(what + ": " + text_of(answer.error()));
  };
}

void history::create(const std::string& name) {
  if (is_listed(name)) return;
  // One that starts instead of one that has just ended settles what was asked before, not this.
  acting_node& asked = node();
  known_.suspect(name, naive_index());
  const auto done = [=, this](const create_index_reply& reply) {
    if (reply.created) {
      known_.know(name, naive_index());
    } else {
      known_.rule_out_absence(name);
    }
    note_state(name);
  };
  asked.ask<create_index_reply>(asked.handle(),
                                hear<create_index_reply>("create " + name, refusal::is_failure, done, nullptr),
                                create_index_request{name, false, caf::none});
}

void history::erase(const std::string& name) {
  if (!is_listed(name)) return;
  acting_node& asked = node();
  known_.suspect(name, std::nullopt);
  const auto done = [=, this](const delete_index_reply&) { known_.know(name, std::nullopt); };
  const auto failed = [=, this](const caf::error&) {
    // One that is still served is there for certain.
    node_->ask_index<index_status>(
        name,
        [=, this](const caf::expected<index_status>& found) {
          if (found) known_.rule_out_absence(name);
        },
        status_atom_v);
  };
  asked.ask<delete_index_reply>(asked.handle(),
                                hear<delete_index_reply>("delete " + name, refusal::is_failure, done, failed),
                                delete_index_request{name, false});
}

void history::update(const std::string& name, refusal r) {
  if (!is_usable(name)) return;
  const auto changes = data_.next_commit(1, 8, 16).changes;
  acting_node& asked = node();
  const uint64_t number = known_.sent(name, changes);
  const auto done = [=, this](const update_reply& reply) {
    const std::string wrong = known_.acknowledged(name, number, reply.version);
    if (!wrong.empty()) wrong_ = wrong;
    note_state(name);
  };
  const auto failed = [=, this](const caf::error& e) {
    if (tells_that_nothing_was_done(e) || !node_->may_hold_failed(name)) {
      known_.refused(name, number);
    } else {
      known_.left_open(name, number);
    }
  };
  asked.ask_index<update_reply>(name, hear<update_reply>("update " + name, r, done, failed),
                                update_request{*changes, caf::none, 0});
}

void history::checkpoint(const std::string& name, refusal r) {
  if (!is_usable(name)) return;
  const auto& before = known_.last_known(name);
  const auto done = [this, name, asked_for = before ? before->version() : 0](const upkeep_reply& reply) {
    if (reply.file_version < asked_for) wrong_ = name + ": a checkpoint has left something in memory";
  };
  node().ask_index<upkeep_reply>(name, hear<upkeep_reply>("checkpoint " + name, r, done, nullptr),
                                 checkpoint_atom_v);
}

void history::merge(const std::string& name, refusal r) {
  if (!is_usable(name)) return;
  node().ask_index<upkeep_reply>(name, hear<upkeep_reply>("merge " + name, r, nullptr, nullptr), merge_atom_v);
}

void history::copy(const std::string& from, const std::string& to) {
  if (!is_usable(from) || is_listed(to)) return;
  const auto backup = node().backup(from);
  const auto state = past_[from].find(backup.version);
  if (state == past_[from].end()) {
    wrong_ = from + ": a backup of a version that never was";
    return;
  }
  const naive_index copied = state->second;
  acting_node& asked = node();
  known_.suspect(to, copied);
  asked.restore(to, backup.bytes);
  known_.know(to, copied);
  note_state(to);
}

}  // namespace fp::test
