#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/changelog/feed_reader.hpp"

namespace fp {

/// Which changes of a log are the last ones of their document or key.
class last_words {
 public:
  void add(const change_view& change, feed_position position);
  /// Whether the change at this position is. Deletes are, too: who reads them may have read what they delete.
  bool keeps(const change_view& change, feed_position position) const;

 private:
  std::unordered_map<document_id, feed_position> documents_;
  std::unordered_map<std::string, feed_position> keys_;
};

/// What dropped changes have made: for each document and key the last change of it, at its position. An oplog in a
/// folder of its own that is written once. Serves one thread. Throws `fp::error`.
class feed_base {
 public:
  feed_base(file_system& fs, path folder, std::shared_ptr<open_files> files, std::shared_ptr<feed_window> window);

  feed_position newest() const noexcept { return newest_; }
  /// As `feed_log::read`.
  void read(feed_position after, const read_limits& limits, const call_limits& call, feed_changes& out);

  /// Reads changes in order: adds some behind `after`, none at the end.
  using source = std::function<void(feed_position after, const read_limits&, feed_changes& out)>;
  /// Writes a base of everything that `all` gives up to `floor`, durable when this returns. What was in the folder
  /// is removed. Reads it all twice and holds a position for each document meanwhile.
  static void write(file_system& fs, const path& folder, const std::shared_ptr<open_files>& files,
                    feed_position floor, const source& all, const call_limits& call);

 private:
  feed_reader reader_;
  std::vector<logged_file> logs_;
  feed_position newest_ = 0;
};

}  // namespace fp
