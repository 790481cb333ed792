#pragma once

#include "core/base/error.hpp"

namespace fp::ctl {

// What fpctl's exit status says. `exit_code_table` is the same for people.
enum exit_code : int {
  exit_ok = 0,
  exit_failed = 1,
  exit_usage = 2,
  exit_unreachable = 3,
  exit_not_found = 4,
  exit_incomplete = 5,
};

inline constexpr const char* exit_code_table =
    "Exit status:\n"
    "  0  done\n"
    "  1  the operation failed; the reason is on standard error\n"
    "  2  the command line is wrong\n"
    "  3  no node answers at --host and --port, or it speaks another protocol\n"
    "  4  there is no such index or document\n"
    "  5  done, but a query found nothing, what was to be deleted was not there, or input was skipped\n";

constexpr exit_code exit_code_of(errc code) noexcept {
  switch (code) {
    case errc::unreachable:
    case errc::protocol_mismatch:
      return exit_unreachable;
    case errc::index_not_found:
    case errc::document_not_found:
      return exit_not_found;
    default:
      return exit_failed;
  }
}

}  // namespace fp::ctl
