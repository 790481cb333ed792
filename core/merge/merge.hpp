#pragma once

#include <span>

#include "core/base/cancel.hpp"
#include "core/base/task_line.hpp"
#include "core/index/snapshot.hpp"
#include "core/slices/slice.hpp"

namespace fp {

/// Merges `count` adjacent segments of a snapshot from position `first` on into one, streaming, with memory
/// that does not depend on their size. Superseded and deleted documents are left out; a tombstone stays only
/// while an older segment still holds its document. Throws `cancelled`, or `damaged_inputs_error` when segment
/// files have been damaged since they were opened; whatever was written by then is removed.
segment_ptr merge_to_memory(const snapshot& from, size_t first, size_t count, const cancel_flag* cancel = nullptr);

/// The same into a segment file, made durable under its final name before this returns, and opened as `mode`
/// says. The folder must exist, a file of that name must not be in use. A file that the folder's manifest names is
/// replaced only by the same contents. Throws `io_error` or `no_space` with no file left behind, unless naming it
/// failed and yet took effect: then it is whole, and garbage as long as no manifest names it. `part`: documents
/// that it does not hold are left out, tombstones too.
/// `helpers` share the work.
segment_ptr merge_to_file(const snapshot& from, size_t first, size_t count, file_system& fs, const path& file,
                          load_mode mode, const cancel_flag* cancel = nullptr, const slice& part = {},
                          helper_threads* helpers = nullptr);

}  // namespace fp
