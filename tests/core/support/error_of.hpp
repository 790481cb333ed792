#pragma once

#include <gtest/gtest.h>

#include "core/base/error.hpp"

namespace fp::test {

/// The error that an operation throws; fails the test when it throws none.
template <class F>
error error_of(F&& operation) {
  try {
    operation();
  } catch (const error& e) {
    return e;
  }
  ADD_FAILURE() << "nothing was thrown";
  return error(errc::internal_error, "");
}

}  // namespace fp::test
