#include "core/base/checksum.hpp"

#ifdef FP_XXHASH_DISPATCHES
// The same functions under the same names, by the widest vectors that the processor has.
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

#include <new>

namespace fp {

namespace {

// The library chooses vectors in the first call, without a lock: before there are threads.
[[maybe_unused]] const uint64_t of_nothing = XXH3_64bits(nullptr, 0);

}  // namespace

uint64_t checksum(std::span<const std::byte> bytes) noexcept { return XXH3_64bits(bytes.data(), bytes.size()); }

uint64_t checksum(std::string_view text) noexcept { return checksum(std::as_bytes(std::span(text))); }

struct checksum_stream::state {
  state() : xxh(XXH3_createState()) {
    if (xxh == nullptr) throw std::bad_alloc();
    XXH3_64bits_reset(xxh);
  }
  ~state() { XXH3_freeState(xxh); }
  state(const state&) = delete;
  state& operator=(const state&) = delete;

  XXH3_state_t* xxh;
};

checksum_stream::checksum_stream() : state_(std::make_unique<state>()) {}
checksum_stream::~checksum_stream() = default;
checksum_stream::checksum_stream(checksum_stream&&) noexcept = default;
checksum_stream& checksum_stream::operator=(checksum_stream&&) noexcept = default;

void checksum_stream::update(std::span<const std::byte> bytes) noexcept {
  if (!bytes.empty()) XXH3_64bits_update(state_->xxh, bytes.data(), bytes.size());
}

uint64_t checksum_stream::digest() const noexcept { return XXH3_64bits_digest(state_->xxh); }

void checksum_stream::reset() noexcept { XXH3_64bits_reset(state_->xxh); }

std::string to_hex16(uint64_t value) {
  std::string text(16, '0');
  for (size_t i = 16; i-- > 0; value >>= 4) text[i] = "0123456789abcdef"[value & 15];
  return text;
}

std::optional<uint64_t> parse_hex16(std::string_view text) noexcept {
  if (text.size() != 16) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      value = value << 4 | static_cast<uint64_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      value = value << 4 | static_cast<uint64_t>(c - 'a' + 10);
    } else {
      return std::nullopt;
    }
  }
  return value;
}

}  // namespace fp
