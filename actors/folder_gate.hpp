#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "messages/internal.hpp"

namespace fp {

/// Lets one set of actors at a time use the folder of an index. Whoever reads or writes files there by name holds
/// the lease in its state; so the next owner, be it the replacement of a coordinator that has died or a delete,
/// begins when the last of them is gone, however they end and however long a write of theirs takes.
class folder_gate : public std::enable_shared_from_this<folder_gate> {
 public:
  explicit folder_gate(std::string index) : index_(std::move(index)) {}

  /// The lease when the folder is free, or null.
  folder_lease_ptr try_take();
  /// Sends the lease as soon as the folder is free; first come, first served.
  void take_when_free(folder_user who);

 private:
  friend class folder_lease;
  void release() noexcept;
  void hand_to(const folder_user& who);

  const std::string index_;
  std::mutex mutex_;
  bool taken_ = false;
  std::deque<folder_user> waiting_;
};

/// The right to use the folder of an index.
class folder_lease {
 public:
  explicit folder_lease(std::shared_ptr<folder_gate> gate) : gate_(std::move(gate)) {}
  folder_lease(const folder_lease&) = delete;
  folder_lease& operator=(const folder_lease&) = delete;
  ~folder_lease() { gate_->release(); }

  const std::string& index() const noexcept { return gate_->index_; }

 private:
  std::shared_ptr<folder_gate> gate_;
};

}  // namespace fp
