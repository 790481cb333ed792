#include "core/fpindex/feed_protocol.hpp"

#include <algorithm>

#include "tests/fuzz/fuzz_target.hpp"

namespace {

using namespace fp;

class memory_stream final : public fpindex::byte_source {
 public:
  explicit memory_stream(std::span<const std::byte> bytes) : bytes_(bytes) {}
  size_t read(std::span<std::byte> out) override {
    const size_t count = std::min(out.size(), bytes_.size());
    std::copy_n(bytes_.begin(), count, out.begin());
    bytes_ = bytes_.subspan(count);
    return count;
  }

 private:
  std::span<const std::byte> bytes_;
};

constexpr read_limits no_limits{.max_changes = UINT32_MAX, .max_bytes = UINT64_MAX};

}  // namespace

/// What fpindex's coordinator and replicas send each other. What is accepted is the same when it is said again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto body = std::as_bytes(std::span(data, size));
  fuzz::accepts([&] {
    const auto request = fpindex::decode_append_request("x", body);
    const auto again =
        fpindex::decode_append_request("x", fpindex::encode_append_request(request.changes, request.expected));
    fuzz::require(again.changes == request.changes && again.expected == request.expected, "another append");
  });
  fuzz::accepts([&] {
    const auto answer = fpindex::decode_read_answer("x", body, 0, no_limits);
    const auto again = fpindex::decode_read_answer(
        "x", fpindex::encode_read_answer(answer.positions, answer.changes, answer.retry_after), 0, no_limits);
    fuzz::require(again.changes == answer.changes && again.positions.size() == answer.positions.size(),
                  "another answer");
    fuzz::require(std::is_sorted(answer.positions.begin(), answer.positions.end()), "positions out of order");
  });
  fuzz::accepts([&] {
    const auto answer = fpindex::decode_meta_answer("x", body, 0);
    fpindex::decode_meta_answer("x", fpindex::encode_meta_answer(answer.operations, answer.retry_after), 0);
  });
  for (const char field : {'i', 'g', 'p'}) fuzz::accepts([&] { fpindex::decode_number("x", body, field); });
  fuzz::accepts([&] {
    memory_stream source(body);
    fpindex::bootstrap_decoder stream("x", source);
    while (!stream.next(1'000).empty()) continue;
  });
  return 0;
}
