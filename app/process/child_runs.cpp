#include "app/process/child_runs.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <vector>

#include "core/base/error.hpp"

namespace fp {

void child_runs::start(uint64_t key, const child_command& command, std::chrono::milliseconds patience) {
  runs_.push_back({key, std::make_unique<child_process>(command), clock::now() + patience, {}, false});
}

child_runs::result child_runs::finish(run& r, outcome how) {
  result done{r.key, how, 0, std::move(r.output), r.child->messages()};
  while (done.messages.ends_with('\n')) done.messages.pop_back();
  if (how == outcome::exited) {
    const auto end = r.child->wait_for_end();
    if (!end.exited) done.how = outcome::killed;
    done.status = end.status;
  }
  return done;
}

child_runs::result child_runs::next() {
  for (;;) {
    std::vector<pollfd> wanted;
    auto first_end = clock::time_point::max();
    for (const auto& r : runs_) {
      wanted.push_back({r.output_ended ? r.child->process() : r.child->output(), POLLIN, 0});
      first_end = std::min(first_end, r.ends_at);
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(first_end - clock::now()).count();
    const int most = std::numeric_limits<int>::max();
    if (::poll(wanted.data(), wanted.size(), static_cast<int>(std::clamp<int64_t>(left, 0, most))) < 0) {
      if (errno == EINTR) continue;
      throw error(errc::io_error, std::string("cannot wait for programs: ") + std::strerror(errno));
    }
    const auto now = clock::now();
    auto events = wanted.begin();
    for (auto r = runs_.begin(); r != runs_.end(); ++r, ++events) {
      outcome how = outcome::exited;
      bool over = false;
      if (events->revents != 0) {
        if (r->output_ended) {
          over = true;
        } else if (!take_output(*r)) {
          over = true;
          how = outcome::too_much;
        }
      }
      if (!over && now >= r->ends_at) {
        over = true;
        how = outcome::late;
      }
      if (!over) continue;
      auto done = finish(*r, how);
      runs_.erase(r);
      return done;
    }
  }
}

bool child_runs::take_output(run& r) {
  char buffer[65'536];
  const auto n = ::read(r.child->output(), buffer, sizeof buffer);
  if (n < 0 && errno == EINTR) return true;
  if (n <= 0) {
    r.child->close_output();
    r.output_ended = true;
    return true;
  }
  r.output.append(buffer, static_cast<size_t>(n));
  return r.output.size() <= max_output_bytes_;
}

}  // namespace fp
