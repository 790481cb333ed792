#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>

namespace fp::ctl {

/// Shows how far a long operation has got: on a terminal as one line that is drawn again and again, elsewhere as a
/// line at every tenth of the work (or, when its amount is unknown, whenever the count has doubled).
class progress_meter {
 public:
  using clock = std::chrono::steady_clock;

  struct state {
    uint64_t done = 0;              ///< of the work, in any unit
    std::optional<uint64_t> total;  ///< in the same unit
    uint64_t count = 0;             ///< what is shown and what the rate is of, e.g. documents
  };

  /// `unit`: what is counted, e.g. "documents". `now` is replaced in tests.
  progress_meter(std::ostream& err, bool terminal, std::string unit,
                 std::function<clock::time_point()> now = clock::now);
  ~progress_meter();
  progress_meter(const progress_meter&) = delete;
  progress_meter& operator=(const progress_meter&) = delete;

  void update(const state& s);
  /// Wipes the line off the terminal, so that something else can be printed. The next update draws it again.
  void clear();

  /// What a line says, without the bar, e.g. " 45 %  1,200 documents  600/s  ETA 2.4 s".
  static std::string text_of(const state& s, const std::string& unit, clock::duration elapsed);

 private:
  std::ostream& err_;
  bool terminal_;
  std::string unit_;
  std::function<clock::time_point()> now_;
  clock::time_point started_, drawn_;
  bool visible_ = false;
  uint64_t next_tenth_ = 1, next_count_ = 1024;
};

}  // namespace fp::ctl
