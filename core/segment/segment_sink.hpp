#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/base/aligned_memory.hpp"
#include "core/fs/file_system.hpp"

namespace fp {

/// Where a `segment_writer` puts its bytes.
class segment_sink {
 public:
  virtual ~segment_sink() = default;
  /// The place itself, to be written directly; no bytes when everything has to go through `write_at`.
  virtual std::span<std::byte> in_place() noexcept { return {}; }
  virtual void write_at(uint64_t offset, std::span<const std::byte> bytes) = 0;
};

/// Aligned memory of a size known beforehand.
class memory_sink final : public segment_sink {
 public:
  explicit memory_sink(uint64_t size) : memory_(size) {}
  std::span<std::byte> in_place() noexcept override { return memory_.bytes(); }
  void write_at(uint64_t offset, std::span<const std::byte> bytes) override;
  aligned_memory take() noexcept { return std::move(memory_); }

 private:
  aligned_memory memory_;
};

/// A file, which must outlive the sink.
class file_sink final : public segment_sink {
 public:
  explicit file_sink(writable_file& file) noexcept : file_(file) {}
  void write_at(uint64_t offset, std::span<const std::byte> bytes) override { file_.write_at(offset, bytes); }

 private:
  writable_file& file_;
};

}  // namespace fp
