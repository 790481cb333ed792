#pragma once

#include "core/base/cancel.hpp"
#include "core/oplog/oplog.hpp"

namespace fp {

/// `inspect_oplog` that also decodes the changes of every commit.
oplog_inspection check_log(file_system& fs, const path& folder, commit_id after,
                           const cancel_flag* cancel = nullptr);

}  // namespace fp
