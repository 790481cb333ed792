#include "core/slices/question_window.hpp"

#include <algorithm>

namespace fp {

bool question_window::is_full(time_point now) const {
  return open_.size() >= options_.messages_at_once && now < last_sent_ + options_.patience;
}

std::vector<uint64_t> question_window::take(time_point now) {
  if (waiting_.empty() || is_full(now)) return {};
  const auto count = static_cast<std::ptrdiff_t>(std::min(waiting_.size(), options_.questions_in_one));
  const std::vector<uint64_t> questions(waiting_.begin(), waiting_.begin() + count);
  waiting_.erase(waiting_.begin(), waiting_.begin() + count);
  const auto message = num_messages_++;
  open_.insert(message);
  for (const auto question : questions) sent_.emplace(question, message);
  last_sent_ = now;
  return questions;
}

std::optional<question_window::time_point> question_window::due() const {
  if (waiting_.empty()) return std::nullopt;
  return last_sent_ + options_.patience;
}

void question_window::end(uint64_t question) {
  if (const auto sent = sent_.extract(question)) {
    open_.erase(sent.mapped());
  } else if (const auto found = std::ranges::find(waiting_, question); found != waiting_.end()) {
    waiting_.erase(found);
  }
}

void question_window::clear() {
  waiting_.clear();
  sent_.clear();
  open_.clear();
}

}  // namespace fp
