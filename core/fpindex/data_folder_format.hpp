#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// A data folder of fpindex (source acoustid/acoustid-index, `src/MultiIndex.zig`, `src/index_manifest.zig`):
///
///     <name>/current                                           map {n: name, g: generation, d: is deleted}
///     <name>/v<generation, at least 6 digits>/data/manifest    array of SegmentInfo, oldest first
///     <name>/v<generation>/data/<commit>-<merges>.data         segment files (`segment_format.hpp`)
///     <name>/v<generation>/oplog/<first commit>.xlog           the log (`oplog_reader.hpp`)
namespace fp::fpindex {

inline constexpr std::string_view record_name = "current", data_folder_name = "data", oplog_folder_name = "oplog",
                                  manifest_name = "manifest";

std::string generation_folder(uint64_t generation);

}  // namespace fp::fpindex
