#pragma once

#include <caf/all.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "messages/types.hpp"

namespace fp {

/// The indexes that a connection has found, for a reader beside it that asks them without its help:
///
///     connection_actor --open, close--> direct_line <--find, expect, done-- direct_reader
///                                            |--error, when its index is closed--^
///
/// CAF never answers a request to a remote actor that is gone, so whoever waits for an answer is told here. One
/// reader at most, with one request at a time. May be used by both sides at one time.
class direct_line {
 public:
  // -- For the connection
  void open(const std::string& index, const index_handle& handle);
  void close(const std::string& index);
  void close_all();

  // -- For the reader
  /// Closes an index that is gone, unless the connection has found another one of that name meanwhile.
  void close(const std::string& index, const index_handle& gone);
  /// Invalid when the index is not open.
  index_handle find(const std::string& index) const;
  /// From now on closing `index` answers the reader's request `id` with `caf::sec::request_receiver_down`. False:
  /// it was closed since `handle` was found, and `id` may never be answered.
  bool expect(const std::string& index, const index_handle& handle, caf::strong_actor_ptr reader,
              caf::message_id id);
  /// The reader waits no more. False: it was told meanwhile that its index was closed.
  bool done();

 private:
  struct expectation {
    std::string index;
    caf::strong_actor_ptr reader;  ///< null: nobody waits
    caf::message_id id;
  };

  /// Takes the reader that waits for one of the closed indexes.
  expectation take_expectation();
  static void tell(const expectation& lost);

  mutable std::mutex mutex_;
  std::map<std::string, index_handle> open_;
  expectation expected_;
};

using direct_line_ptr = std::shared_ptr<direct_line>;

}  // namespace fp
