#include "core/changelog/lineage_store.hpp"

#include <algorithm>
#include <utility>

#include "core/base/in_doubt_error.hpp"
#include "core/changelog/local_format.hpp"

namespace fp {

lineage_store::lineage_store(file_system& fs, path folder, const feed_log_options& options)
    : fs_(fs),
      folder_(std::move(folder)),
      options_(options),
      floor_(local_format::read_floor(fs, folder_)),
      log_(fs, folder_ / local_format::log_name, options) {
  if (log_.begin() > floor_ || log_.newest() < floor_) {
    throw error(errc::corrupt_data, (folder_ / local_format::log_name).string() + ": has the positions from " +
                                        std::to_string(log_.begin() + 1) + " to " + std::to_string(log_.newest()) +
                                        ", but the floor is " + std::to_string(floor_));
  }
  if (floor_ > 0) base_ = open_base(floor_);
  if (fs_.exists(folder_)) sweep();
}

void lineage_store::read(feed_position after, const read_limits& limits, const call_limits& call,
                         feed_changes& out) {
  if (after < floor_ && limits.with_dropped) {
    base_->read(after, limits, call, out);
    if (base_->newest() > (out.positions.empty() ? after : out.positions.back())) return;
    after = floor_;
  }
  log_.read(after, limits, call, out);
}

void lineage_store::truncate(feed_position floor, const call_limits& call) {
  if (floor <= floor_) return;
  const path folder = folder_ / local_format::base_folder_name(floor);
  std::unique_ptr<feed_base> base;
  try {
    const auto all = [&](feed_position after, const read_limits& limits, feed_changes& out) {
      read_limits with_dropped = limits;
      with_dropped.with_dropped = true;
      if (after < log_.newest()) read(after, with_dropped, call, out);
    };
    feed_base::write(fs_, folder, options_.files, floor, all, call);
    base = open_base(floor);
    local_format::write_floor(fs_, folder_, floor);
  } catch (const in_doubt_error&) {
    throw;
  } catch (...) {
    sweep();
    throw;
  }
  floor_ = floor;
  base_ = std::move(base);
  sweep();
}

std::unique_ptr<feed_base> lineage_store::open_base(feed_position floor) const {
  return std::make_unique<feed_base>(fs_, folder_ / local_format::base_folder_name(floor), options_.files,
                                     options_.window);
}

void lineage_store::sweep() noexcept {
  try {
    log_.truncate(floor_);
    const std::string named = local_format::base_folder_name(floor_);
    for (const std::string& name : fs_.list(folder_)) {
      if (local_format::is_base_folder_name(name) && (floor_ == 0 || name != named)) fs_.remove_all(folder_ / name);
      if (is_temporary_name(name)) fs_.remove(folder_ / name);
    }
  } catch (const error&) {
    // What could not be removed is a leftover still, for the next open.
  }
}

}  // namespace fp
