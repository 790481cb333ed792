#include "app/fpctl/ingest_inputs.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string_view>

#include "core/base/error.hpp"
#include "core/base/printable.hpp"

namespace fp::ctl {

namespace {

using std::filesystem::path;

constexpr std::string_view date_form = "0000-00-00-", fingerprint_stream = "fingerprint-update";

/// The stream that a file of a daily dump is of, by its name; nothing for another file.
std::optional<std::string> dump_stream(const path& file) {
  std::string name = file.filename().string();
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  constexpr std::string_view ending = ".jsonl";
  if (!name.ends_with(ending) || name.size() <= date_form.size() + ending.size()) return std::nullopt;
  for (size_t i = 0; i < date_form.size(); i++) {
    const bool is_digit = name[i] >= '0' && name[i] <= '9';
    if (date_form[i] == '0' ? !is_digit : name[i] != '-') return std::nullopt;
  }
  return name.substr(date_form.size(), name.size() - date_form.size() - ending.size());
}

/// All files below a folder, by path.
std::vector<std::string> files_below(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code failed;
  auto it = std::filesystem::recursive_directory_iterator(folder, failed);
  for (; !failed && it != std::filesystem::recursive_directory_iterator(); it.increment(failed)) {
    std::error_code gone;
    if (it->is_regular_file(gone)) files.push_back(it->path().string());
  }
  if (failed) throw error(errc::io_error, folder + ": cannot be read: " + failed.message());
  std::ranges::sort(files);
  return files;
}

}  // namespace

ingest_inputs choose_inputs(const std::vector<std::string>& given) {
  ingest_inputs chosen;
  for (const std::string& name : given) {
    std::error_code failed;
    if (name != "-" && std::filesystem::is_directory(name, failed)) {
      for (const std::string& file : files_below(name)) {
        (dump_stream(file) == fingerprint_stream ? chosen.files : chosen.left_alone).push_back(file);
      }
    } else {
      const auto stream = dump_stream(name);
      (!stream || *stream == fingerprint_stream ? chosen.files : chosen.left_alone).push_back(name);
    }
  }
  if (chosen.files.empty()) {
    const std::string what = chosen.left_alone.empty() ? "no file at all" : list_names(chosen.left_alone);
    throw error(errc::bad_request,
                printable(given.empty() ? std::string() : given.front(), 200) +
                    ": no stream of fingerprints (YYYY-MM-DD-fingerprint-update.jsonl or .jsonl.gz) "
                    "among " +
                    what);
  }
  return chosen;
}

std::string list_names(const std::vector<std::string>& paths, size_t max_shown) {
  std::string text;
  for (size_t i = 0; i < std::min(paths.size(), max_shown); i++) {
    if (i > 0) text += ", ";
    text += printable(path(paths[i]).filename().string(), 100);
  }
  if (paths.size() > max_shown) text += " and " + std::to_string(paths.size() - max_shown) + " more";
  return text;
}

}  // namespace fp::ctl
