#pragma once

#include <optional>

#include "core/backup/backup_writer.hpp"
#include "core/changelog/replica_base.hpp"
#include "core/fs/file_system.hpp"

namespace fp {

/// What comes in another form as a backup of ours: all of it is brought into a folder first.
class spooled_base : public base_stream {
 public:
  /// The folder goes with it.
  ~spooled_base() override;

  /// The first call brings it. Throws what `bring` does, too.
  size_t read(std::span<std::byte> out, std::chrono::steady_clock::time_point deadline) final;

 protected:
  /// `folder`: made when something is brought; what was in it goes.
  spooled_base(file_system& fs, path folder, lineage of)
      : fs_(fs), folder_(std::move(folder)), of_(std::move(of)) {}

  file_system& files() const noexcept { return fs_; }
  const path& folder() const noexcept { return folder_; }
  const lineage& of() const noexcept { return of_; }

 private:
  /// The index, held by files in the folder.
  virtual snapshot_ptr bring() = 0;

  file_system& fs_;
  path folder_;
  lineage of_;
  std::optional<backup_writer> backup_;
  std::span<const std::byte> left_;  ///< of a chunk
};

/// An index whose files are in a folder already.
class snapshot_base final : public spooled_base {
 public:
  snapshot_base(file_system& fs, path folder, lineage of, snapshot_ptr index)
      : spooled_base(fs, std::move(folder), std::move(of)), index_(std::move(index)) {}

 private:
  snapshot_ptr bring() override { return std::move(index_); }

  snapshot_ptr index_;
};

}  // namespace fp
