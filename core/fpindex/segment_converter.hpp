#pragma once

#include <cstdint>
#include <functional>

#include "core/base/cancel.hpp"
#include "core/base/doc_set.hpp"
#include "core/commit/commit_range.hpp"
#include "core/fpindex/segment_reader.hpp"
#include "core/segment/segment_info.hpp"

namespace fp::fpindex {

struct converted_segment {
  fp::segment_info info;
  doc_set repeating;      ///< documents that hold a hash more than once: fpindex counts it as often, we do not
  doc_set without_items;  ///< documents that are not deleted, and of which no item is there
};

struct convert_options {
  const cancel_flag* cancel = nullptr;
  /// Called now and then with the bytes of the file that are done since the last call. Each byte counts twice.
  std::function<void(uint64_t bytes)> on_progress;
};

/// Writes one of our segment files with the contents of one of fpindex's, as a part of history. It is read twice:
/// to check it and learn its shape, and to write it. Throws `corrupt_data` (file, offset, reason) also when items
/// belong to no document or to a deleted one, `io_error`, `no_space` or `cancelled`; `file` is then gone. It is not
/// synced.
converted_segment convert_segment(const segment_reader& from, const commit_range& commits, file_system& fs,
                                  const path& file, const convert_options& options = {});

}  // namespace fp::fpindex
