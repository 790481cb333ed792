#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/option.hpp"
#include "core/fs/file_system.hpp"

namespace fp {

// What bounds of settings are told in.
inline constexpr uint64_t KiB = 1024, MiB = 1024 * KiB, GiB = 1024 * MiB;
inline constexpr uint32_t hour_ms = 3'600'000;

/// The settings of a program: each room adds its own, in the order in which people read them, and they are read,
/// checked and described together. Values are written to where the rooms keep them, which outlives the list.
class option_list {
 public:
  // -- Adding. Keys, texts and help live forever; flags follow from the keys unless they are given.
  void number(std::string_view key, uint32_t& value, uint64_t min, uint64_t max, std::string_view help,
              std::string_view flag = {});
  void number(std::string_view key, uint64_t& value, uint64_t min, uint64_t max, std::string_view help,
              std::string_view flag = {});
  void text(std::string_view key, std::string& value, bool (*valid)(std::string_view), std::string_view allowed,
            std::string_view help);
  /// A name, or an address of version 4 or 6.
  void host(std::string_view key, std::string& value, std::string_view help);
  void host_or_empty(std::string_view key, std::string& value, std::string_view help);
  void port(std::string_view key, port_setting& value, std::string_view help);
  /// One for which 0 means off.
  void optional_port(std::string_view key, port_setting& value, std::string_view help);
  /// The name of a file, or none.
  void file(std::string_view key, std::string& value, std::string_view help);
  void folder(std::string_view key, std::string& value, std::string_view help);
  void on_off(std::string_view key, bool& value, std::string_view help);
  void choice(std::string_view key, load_mode& value, std::string_view help);
  /// A check of what no single setting shows. It throws `invalid_configuration` with one line that names a key.
  void rule(std::function<void()> check) { rules_.push_back(std::move(check)); }

  /// That a running node takes other values of these.
  void may_change(std::initializer_list<std::string_view> keys);

  /// That the values of these may hold passwords.
  void hide(std::initializer_list<std::string_view> keys);

  const std::vector<option>& options() const noexcept { return options_; }

  // -- Reading. All of these throw `invalid_configuration`.
  /// Reads one JSON object, `//` and `/* */` comments allowed. The error has one line that names source and key,
  /// what was found and what is allowed: unknown keys (with the nearest known one, if one is near), duplicate keys,
  /// wrong types, values out of range, JSON errors with line and column.
  void read(std::string_view json, std::string_view source_name);
  /// Reads a file. Throws also `io_error`.
  void load(file_system& fs, const path& file);
  /// Sets one by its command-line flag and text, e.g. ("--caf-port", "0").
  void apply_flag(std::string_view flag, std::string_view value);
  /// Whether somebody has given a value, be it the default.
  bool is_given(std::string_view key) const { return given_.contains(key); }
  /// Checks every value, then the rules.
  void validate() const;

 private:
  void add(std::string_view key, setting target, std::string allowed, std::string_view help,
           bool (*valid)(std::string_view) = nullptr);

  std::vector<option> options_;
  std::vector<std::function<void()>> rules_;
  std::set<std::string_view> given_;
};

/// What is said of a flag that there is not, with the nearest one that there is.
std::string unknown_flag_text(const std::vector<option>& options, std::string_view flag);

/// What messages call a source of settings: its name, printable.
std::string shown_source(std::string_view name);

}  // namespace fp
