#pragma once

#include "tests/bench/bench.hpp"

namespace fp::bench {

void run_loading(const options& o);
void run_ingest(const options& o);

}  // namespace fp::bench
