#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/commit/changes.hpp"

namespace fp {

/// One life of an index in a cluster. An engine that others write to may hold names that are none of ours.
struct lineage {
  std::string index;
  uint64_t generation = 0;

  friend auto operator<=>(const lineage&, const lineage&) = default;
};

/// "main, generation 3", for messages.
std::string to_string(const lineage& l);

/// A change's place in its lineage's changelog. Positions ascend strictly and may jump; 0 is before all changes.
using feed_position = uint64_t;

/// Makes an append that is sent again, because nobody knows what became of it, the same one.
using append_id = std::array<uint8_t, 16>;

/// `random`: a generator of 64 random bits.
template <class Random>
append_id random_append_id(Random& random) {
  const uint64_t halves[] = {random(), random()};
  return std::bit_cast<append_id>(halves);
}

enum class changelog_status : uint8_t {
  done,
  mismatch,         ///< append: the newest position is another one than the expected one
  below_retention,  ///< read: changes behind `after` have been dropped
  ahead_of_log,     ///< read: the changelog ends before `after`: it is not what it was
  diverged,         ///< read: what is at `after` has another tag than it had
  no_lineage,
  read_only,    ///< nobody can write through this engine, or it refuses writes for good
  unsupported,  ///< the engine has nothing of the kind
  in_doubt,     ///< append: it may be in the log, or not; the same append with the same id tells
  unavailable,  ///< no answer, or none in time, or one that makes no sense. Of an append: it is not in the log
};

const char* to_string(changelog_status status) noexcept;

/// What every answer of a changelog says besides what was asked for.
struct changelog_answer {
  changelog_status status = changelog_status::done;
  std::string why;  ///< for people, with host or file; empty when it is done

  bool is_done() const noexcept { return status == changelog_status::done; }
};

/// Makes an answer say why it is not what was asked for.
inline void refuse(changelog_answer& answer, changelog_status status, std::string why) {
  answer.status = status;
  answer.why = std::move(why);
}
/// The same of an answer that says nothing else.
template <class Answer>
Answer refused(changelog_status status, std::string why) {
  Answer answer;
  refuse(answer, status, std::move(why));
  return answer;
}

/// One update: all of it is appended, a position for each change, or nothing.
struct feed_append {
  changes_ptr changes;                    ///< valid ones, one or more
  std::optional<feed_position> expected;  ///< the newest position, as the writer knows it
  append_id id{};
};

struct append_answer : changelog_answer {
  feed_position position = 0;  ///< done: of its last change; mismatch: the newest one, if known
};

struct feed_bounds : changelog_answer {
  feed_position floor = 0;   ///< reads with `after` below it are `below_retention`
  feed_position newest = 0;  ///< 0: nothing has been appended yet
};

struct read_limits {
  uint32_t max_changes = 1'024;            ///< at least 1
  uint64_t max_bytes = uint64_t{8} << 20;  ///< of encoded changes; the first change may be larger
  /// Below the floor, too, as far as the engine keeps what those changes have made: for each document and key the
  /// last change of it, at its position. Who so reads from 0 on misses nothing, whatever is dropped meanwhile.
  bool with_dropped = false;
};

struct feed_changes : changelog_answer {
  /// Of each change, ascending; empty: there is nothing newer. Metadata that another program has set by one change
  /// of several keys is several changes here, which share its position.
  std::vector<feed_position> positions;
  std::vector<uint8_t> changes;  ///< encoded, in the same order
  feed_position newest = 0;      ///< of the lineage, at least that of the last change; 0 when unknown
  std::optional<uint64_t> tag;   ///< of the last change, from engines whose log may lose its end
  /// How long the engine wants its reader to wait before it reads on.
  std::chrono::milliseconds retry_after{0};
};

/// Drops what comes behind a position.
void keep_up_to(feed_changes& read, feed_position last);

struct meta_operation {
  enum class kind : uint8_t { create = 0, erase = 1 };

  feed_position position = 0;  ///< of a create: the generation
  kind what = kind::create;
  std::string index;  ///< may be none of our names
};

struct meta_operations : changelog_answer {
  std::vector<meta_operation> operations;  ///< positions ascend; empty: there is nothing newer
  std::chrono::milliseconds retry_after{0};
};

struct meta_answer : changelog_answer {
  feed_position position = 0;  ///< of the create that made the index, or the delete; see `changelog`
};

/// All of an index at one position, as a stream. Blocks as the changelog that it comes from, and ends before that.
class bootstrap_stream {
 public:
  virtual ~bootstrap_stream() = default;
  /// Changes up to here are in it: reading goes on behind. May be 0, with changes.
  virtual feed_position position() const noexcept = 0;
  /// The next changes, encoded; `is_done` with none at the end. A stream that is cut short is `unavailable`.
  struct part : changelog_answer {
    std::vector<uint8_t> changes;
  };
  virtual part next(std::chrono::steady_clock::time_point deadline) = 0;
};

struct bootstrap_answer : changelog_answer {
  std::unique_ptr<bootstrap_stream> stream;  ///< null unless it is done
};

/// The ordered, durable log of changes that nodes follow: a changelog for each lineage, and the meta feed, which
/// is the ordered log of creates and deletes of all indexes. What may go wrong with it is an answer, not an
/// exception. Every call blocks until its deadline at most; an object serves one thread, but for `interrupt`.
class changelog {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  virtual ~changelog() = default;

  /// What it is and where, without credentials, for messages: "the changelog at db1,db2", "the feed at http://h:p".
  virtual const std::string& name() const noexcept = 0;
  /// Whether the same append may be sent again, with its id, until somebody knows what became of it.
  virtual bool resolves_doubt() const noexcept = 0;

  // -- Changelogs
  /// Appends updates in their order, each by itself: one that mismatches keeps none of the others away. Answers as
  /// many as there are appends.
  virtual std::vector<append_answer> append(const lineage& l, std::span<const feed_append> appends,
                                            time_point deadline) = 0;
  /// The changes behind `after`, oldest first. `tag`: of the change at `after`, when whoever reads knows it.
  virtual feed_changes read(const lineage& l, feed_position after, const read_limits& limits,
                            std::optional<uint64_t> tag, time_point deadline) = 0;
  virtual feed_bounds bounds(const lineage& l, time_point deadline) = 0;
  /// The newest position of each lineage in one question; `unsupported` from an engine that would have to ask for
  /// each. A lineage that is none has status `no_lineage`.
  struct newest_answer : changelog_answer {
    std::vector<feed_bounds> lineages;
  };
  virtual newest_answer newest(std::span<const lineage> lineages, time_point deadline) = 0;
  /// Drops changes up to `floor`, for good. A floor below the present one changes nothing.
  virtual changelog_answer truncate(const lineage& l, feed_position floor, time_point deadline) = 0;
  /// `unsupported`: there is nothing but the changelog itself.
  virtual bootstrap_answer open_bootstrap(const lineage& l, time_point deadline) = 0;

  // -- The meta feed
  virtual meta_operations read_meta(feed_position after, uint32_t max_operations, time_point deadline) = 0;
  /// Answers with the index's generation, also when it is there already.
  virtual meta_answer create_index(const std::string& index, time_point deadline) = 0;
  /// Answers with the position of the delete; the newest one of the meta feed when there is no such index.
  virtual meta_answer delete_index(const std::string& index, time_point deadline) = 0;

  /// Ends the call that is going on, and every later one, as if its deadline had come. From any thread.
  virtual void interrupt() noexcept = 0;
};

}  // namespace fp
