#pragma once

#include <gtest/gtest.h>

#include <utility>

#include "core/base/bit_select.hpp"

namespace fp::test {

/// Calls `f` as on this machine, and as on one without instructions that count and place bits.
template <class F>
void with_and_without_bit_instructions(const F& f) {
  const bool has_them = uses_bit_instructions;
  for (const bool uses : {has_them, false}) {
    SCOPED_TRACE(uses ? "with bit instructions" : "without bit instructions");
    uses_bit_instructions = uses;
    f();
  }
  uses_bit_instructions = has_them;
}

}  // namespace fp::test
