#include "app/fpctl/progress_meter.hpp"

#include <algorithm>
#include <ostream>

#include "app/fpctl/format.hpp"

namespace fp::ctl {

namespace {

constexpr auto redraw_interval = std::chrono::milliseconds(100);
constexpr size_t bar_width = 24;

uint64_t parts_of(const progress_meter::state& s, uint64_t parts) {
  if (!s.total || *s.total == 0) return parts;
  return static_cast<uint64_t>(static_cast<double>(std::min(s.done, *s.total)) / static_cast<double>(*s.total) *
                               static_cast<double>(parts));
}

std::string bar_of(const progress_meter::state& s) {
  const auto full = static_cast<size_t>(parts_of(s, bar_width));
  return "[" + std::string(full, '#') + std::string(bar_width - full, '.') + "] ";
}

}  // namespace

progress_meter::progress_meter(std::ostream& err, bool terminal, std::string unit,
                               std::function<clock::time_point()> now)
    : err_(err), terminal_(terminal), unit_(std::move(unit)), now_(std::move(now)), started_(now_()) {
  drawn_ = started_ - redraw_interval;
}

progress_meter::~progress_meter() { clear(); }

std::string progress_meter::text_of(const state& s, const std::string& unit, clock::duration elapsed) {
  std::string text;
  if (s.total) {
    const auto percent = std::to_string(parts_of(s, 100));
    text += std::string(3 - std::min<size_t>(percent.size(), 3), ' ') + percent + " %  ";
  }
  text += grouped(s.count) + " " + unit;
  const double seconds = std::chrono::duration<double>(elapsed).count();
  if (seconds <= 0) return text;
  text += "  " + grouped(static_cast<uint64_t>(static_cast<double>(s.count) / seconds)) + "/s";
  if (s.total && s.done > 0 && s.done < *s.total) {
    const double left = seconds / static_cast<double>(s.done) * static_cast<double>(*s.total - s.done);
    text += "  ETA " + duration_text(std::chrono::microseconds(static_cast<int64_t>(left * 1e6)));
  }
  return text;
}

void progress_meter::update(const state& s) {
  const auto now = now_();
  if (terminal_) {
    if (visible_ && now - drawn_ < redraw_interval) return;
    drawn_ = now;
    visible_ = true;
    err_ << "\r\x1b[K" << (s.total ? bar_of(s) : "") << text_of(s, unit_, now - started_) << std::flush;
    return;
  }
  bool due = false;
  if (s.total) {
    const auto tenth = parts_of(s, 10);
    due = tenth >= next_tenth_;
    if (due) next_tenth_ = tenth + 1;
  } else {
    due = s.count >= next_count_;
    while (next_count_ <= s.count) next_count_ *= 2;
  }
  if (due) err_ << text_of(s, unit_, now - started_) << '\n' << std::flush;
}

void progress_meter::clear() {
  if (!visible_) return;
  err_ << "\r\x1b[K" << std::flush;
  visible_ = false;
}

}  // namespace fp::ctl
