#include "core/base/switch_watch.hpp"

#include <sys/rseq.h>

#include <cstddef>

namespace fp {

namespace {

/// Where an interrupted sequence would go on, behind the signature that the kernel asks for. Never run.
struct {
  uint32_t signature = RSEQ_SIG;
  char handler[12] = {};
} constexpr abort_place;

const uint64_t abort_address = reinterpret_cast<uint64_t>(&abort_place.handler);

/// One byte of the place, which is data.
const rseq_cs sequence = {
    .version = 0,
    .flags = 0,
    .start_ip = abort_address + 1,
    .post_commit_offset = 1,
    .abort_ip = abort_address,
};

}  // namespace

volatile uint64_t* switch_watch::word_of_thread() noexcept {
  if (__rseq_size == 0) return nullptr;
  auto* const area = static_cast<char*>(__builtin_thread_pointer()) + __rseq_offset;
  return reinterpret_cast<volatile uint64_t*>(area + offsetof(struct rseq, rseq_cs));
}

uint64_t switch_watch::name() noexcept { return reinterpret_cast<uint64_t>(&sequence); }

}  // namespace fp
