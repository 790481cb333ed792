#pragma once

#include "tests/bench/bench.hpp"

namespace fp::bench {

void run_loading(const options& o, reporter& report);
void run_ingest(const options& o, reporter& report);

}  // namespace fp::bench
