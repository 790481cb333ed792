#include "core/backup/chunk_producer.hpp"

#include <utility>

#include "core/base/error.hpp"
#include "core/index/data_folder.hpp"

namespace fp {

chunk_producer::chunk_producer(snapshot_ptr from, const char* what, const std::string& index_name,
                               uint64_t generation, size_t max_chunk_bytes)
    : from_(std::move(from)), name_(std::string(what) + " of " + index_name), max_chunk_bytes_(max_chunk_bytes) {
  require_valid_index_name(index_name);
  if (generation == 0) throw error(errc::generation_not_allowed, name_ + ": generation 0");
}

std::span<const std::byte> chunk_producer::next() {
  if (std::exchange(failed_, true)) throw error(errc::internal_error, name_ + ": it has failed before");
  try {
    const auto chunk = make_next();
    // What has gone out may have been made of zeros: nothing is said to be complete then.
    from_->require_readable();
    num_bytes_ += chunk.size();
    failed_ = false;
    return chunk;
  } catch (const error& e) {
    if (e.code() == errc::corrupt_data) from_->require_readable();
    throw;
  }
}

std::string chunk_producer::name_of(const segment& s) const {
  return name_ + ": segment of commits " + to_string(s.info().commits());
}

}  // namespace fp
