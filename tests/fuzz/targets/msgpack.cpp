#include "tests/fuzz/request_bodies.hpp"

/// The body of an HTTP request in MessagePack.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fp;
  fuzz::decode_requests(fuzz::text_of(data, size), body_format::msgpack);
  return 0;
}
