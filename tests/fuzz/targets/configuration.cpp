#include "app/node/node_config.hpp"
#include "tests/fuzz/fuzz_target.hpp"

/// A configuration file.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fp;
  fuzz::accepts([&] { validate(parse_config(fuzz::text_of(data, size), "fpnode.json")); },
                {errc::invalid_configuration});
  return 0;
}
