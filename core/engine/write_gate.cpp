#include "core/engine/write_gate.hpp"

namespace fp {

void write_gate::log_failed(const error& why, time_point now) {
  log_fails_ = why;
  if (!blocked_ && !probe_at_ && !probing_) probe_later(now);
}

bool write_gate::begin_probe(time_point now, bool is_writing) {
  if (!probe_at_ || *probe_at_ > now || probing_) return false;
  probe_at_.reset();
  probing_ = log_fails_ && !blocked_ && !is_writing;
  return probing_;
}

bool write_gate::probed(bool works, time_point now, bool is_writing) {
  probing_ = false;
  if (!log_fails_ || blocked_) return false;
  if (!works) {
    probe_later(now);
    return false;
  }
  if (is_writing) return false;
  log_fails_.reset();
  return true;
}

const error* write_gate::hindrance() const noexcept {
  for (const auto* why : {&blocked_, &log_fails_, &memory_is_full_}) {
    if (*why) return &**why;
  }
  return nullptr;
}

void write_gate::probe_later(time_point now) { probe_at_ = now + retry::first_delay; }

}  // namespace fp
