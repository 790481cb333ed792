#include "core/fs/mapped_file_guard.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <system_error>

#include "core/base/error.hpp"

namespace fp {

/// What the handler sees of a mapping, while other threads come and go.
struct mapping_slot {
  std::atomic<uintptr_t> begin{UINTPTR_MAX}, end{0};  ///< whole pages; empty: free
  std::atomic<uint64_t> unreadable_from{guarded_mapping::all_readable};
  mapping_slot* next_free = nullptr;
};

namespace {

// Read by a signal handler: atomics that lock could deadlock there.
static_assert(std::atomic<uintptr_t>::is_always_lock_free && std::atomic<uint64_t>::is_always_lock_free);

constexpr size_t slots_per_chunk = 256;

struct chunk {
  std::array<mapping_slot, slots_per_chunk> slots;
  std::atomic<chunk*> next{nullptr};
};

/// Grows and never shrinks, so that the handler can walk it at any time.
class mapping_registry {
 public:
  mapping_slot* add(uintptr_t begin, uintptr_t end) {
    const std::lock_guard lock(mutex_);
    if (free_ == nullptr) grow();
    mapping_slot* const slot = free_;
    free_ = slot->next_free;
    slot->unreadable_from.store(guarded_mapping::all_readable);
    slot->end.store(end);
    slot->begin.store(begin);
    return slot;
  }

  void remove(mapping_slot* slot) noexcept {
    const std::lock_guard lock(mutex_);
    slot->begin.store(UINTPTR_MAX);
    slot->end.store(0);
    slot->next_free = free_;
    free_ = slot;
  }

  /// The mapping that holds an address which a thread has just read: it cannot go away meanwhile, but others can.
  mapping_slot* find(uintptr_t address) noexcept {
    for (chunk* c = &first_; c != nullptr; c = c->next.load()) {
      for (mapping_slot& slot : c->slots) {
        const uintptr_t begin = slot.begin.load();
        if (address < begin || address >= slot.end.load()) continue;
        // The end may have been that of the slot's next mapping.
        if (slot.begin.load() == begin) return &slot;
      }
    }
    return nullptr;
  }

 private:
  void grow() {
    chunk* added = &first_;
    if (last_ == nullptr) {
      last_ = added;
    } else {
      added = new chunk;
      last_->next.store(added);
      last_ = added;
    }
    for (mapping_slot& slot : added->slots) {
      slot.next_free = free_;
      free_ = &slot;
    }
  }

  std::mutex mutex_;
  chunk first_;
  chunk* last_ = nullptr;
  mapping_slot* free_ = nullptr;
};

// Not destroyed: threads that outlive `main` may still read mapped files.
mapping_registry& registry() {
  static auto& instance = *new mapping_registry;
  return instance;
}

// What the handler needs, set before it can be called.
std::atomic<mapping_registry*> known_mappings{nullptr};
std::atomic<uintptr_t> page_bytes{0};
struct sigaction previous_action;

std::mutex guards_mutex;
size_t num_guards = 0;

uintptr_t page_size() { return static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE)); }

/// Puts zeros in the place of what cannot be read at an address; async-signal-safe. False: that is not known to be
/// in a mapped file.
bool put_zeros(uintptr_t address) noexcept {
  mapping_slot* const slot = known_mappings.load()->find(address);
  if (slot == nullptr) return false;
  const uintptr_t page = address & ~(page_bytes.load() - 1), begin = slot->begin.load(), end = slot->end.load();
  // Noted before there are zeros to be read.
  const uint64_t offset = page - begin;
  for (uint64_t known = slot->unreadable_from.load();
       offset < known && !slot->unreadable_from.compare_exchange_weak(known, offset);) {
  }
  void* const zeros = ::mmap(reinterpret_cast<void*>(page), end - page, PROT_READ,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
  return zeros != MAP_FAILED;
}

void pass_on(int number, siginfo_t* info, void* context) {
  const struct sigaction& before = previous_action;
  if ((before.sa_flags & SA_SIGINFO) != 0) {
    before.sa_sigaction(number, info, context);
  } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
    before.sa_handler(number);
  } else if (info->si_code > 0 || before.sa_handler == SIG_DFL) {
    // The instruction faults again, and a signal that was sent is sent again: both end the process now.
    ::signal(number, SIG_DFL);
    if (info->si_code <= 0) ::raise(number);
  }
}

extern "C" void handle_bus_error(int number, siginfo_t* info, void* context) {
  const int saved = errno;
  const bool is_of_a_page = info->si_code == BUS_ADRERR || info->si_code == BUS_MCEERR_AR;
  if (!is_of_a_page || !put_zeros(reinterpret_cast<uintptr_t>(info->si_addr))) pass_on(number, info, context);
  errno = saved;
}

}  // namespace

guarded_mapping::guarded_mapping(const std::byte* data, size_t size) {
  const auto begin = reinterpret_cast<uintptr_t>(data);
  const uintptr_t page = page_size();
  slot_ = registry().add(begin, (begin + size + page - 1) / page * page);
}

guarded_mapping::~guarded_mapping() { registry().remove(slot_); }

uint64_t guarded_mapping::unreadable_from() const noexcept {
  return slot_->unreadable_from.load(std::memory_order_acquire);
}

mapped_file_guard::mapped_file_guard() {
  const std::lock_guard lock(guards_mutex);
  if (num_guards == 0) {
    known_mappings.store(&registry());
    page_bytes.store(page_size());
    struct sigaction action = {};
    action.sa_sigaction = handle_bus_error;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    ::sigemptyset(&action.sa_mask);
    // Asked for first: the handler may be called before `sigaction` returns.
    if (::sigaction(SIGBUS, nullptr, &previous_action) != 0 || ::sigaction(SIGBUS, &action, nullptr) != 0) {
      throw error(errc::io_error, "cannot handle SIGBUS: " + std::generic_category().message(errno));
    }
  }
  num_guards++;
}

mapped_file_guard::~mapped_file_guard() {
  const std::lock_guard lock(guards_mutex);
  if (--num_guards == 0) ::sigaction(SIGBUS, &previous_action, nullptr);
}

}  // namespace fp
