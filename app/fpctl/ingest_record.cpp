#include "app/fpctl/ingest_record.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

#include "core/base/checksum.hpp"
#include "core/base/error.hpp"
#include "core/base/printable.hpp"

namespace fp::ctl {

namespace {

namespace fs = std::filesystem;

constexpr const char* extension = ".ingest";
constexpr size_t longest_identity = 8'192;  // as it is shown; the file's name is a checksum of all of it

[[noreturn]] void fail(const fs::path& file, const std::string& reason) {
  throw error(errc::io_error, printable(file.string(), 4096) + ": " + reason);
}

bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

bool take_number(std::string_view& text) {
  uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(parsed.ptr - text.data()));
  return true;
}

}  // namespace

ingest_record_file::ingest_record_file(fs::path folder, std::string identity)
    : folder_(std::move(folder)), identity_(std::move(identity)) {
  if (!folder_.empty()) file_ = folder_ / (to_hex16(checksum(identity_)) + extension);
}

std::optional<ingest_record> ingest_record_file::read() const {
  if (file_.empty()) return std::nullopt;
  std::ifstream in(file_);
  const auto j = nlohmann::json::parse(in, nullptr, false);
  try {
    if (!j.is_object() || j.at("identity") != printable(identity_, longest_identity)) return std::nullopt;
    ingest_record r;
    r.position = {j.at("lines"),   j.at("digest"),  j.at("documents"),
                  j.at("skipped"), j.at("next_id"), j.at("single_id_used")};
    r.generation = j.at("generation");
    r.witnesses = j.at("witnesses");
    return r;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

void ingest_record_file::write(const ingest_record& r) const {
  if (file_.empty()) return;
  const nlohmann::json j{{"identity", printable(identity_, longest_identity)},
                         {"lines", r.position.lines},
                         {"digest", r.position.digest},
                         {"documents", r.position.documents},
                         {"skipped", r.position.skipped},
                         {"next_id", r.position.next_id},
                         {"single_id_used", r.position.single_id_used},
                         {"generation", r.generation},
                         {"witnesses", r.witnesses}};
  const auto text = j.dump() + '\n';
  std::error_code failed;
  if (!fs::exists(file_, failed)) {
    fs::create_directories(folder_, failed);
    if (failed) fail(folder_, failed.message());
    remove_oldest();
  }
  // Not made durable: after a power failure an older record, or none, does as well.
  fs::path temporary = file_;
  temporary += "." + std::to_string(::getpid());
  std::ofstream out(temporary, std::ios::trunc);
  out << text;
  out.close();
  if (!out) failed = std::make_error_code(std::errc::io_error);
  if (!failed) fs::rename(temporary, file_, failed);
  if (!failed) return;
  std::error_code ignored;
  fs::remove(temporary, ignored);
  fail(file_, failed.message());
}

void ingest_record_file::remove() const noexcept {
  std::error_code ignored;
  if (!file_.empty()) fs::remove(file_, ignored);
}

void ingest_record_file::remove_oldest() const {
  std::vector<std::pair<fs::file_time_type, fs::path>> others;
  std::error_code failed;
  for (fs::directory_iterator at(folder_, failed), end; !failed && at != end; at.increment(failed)) {
    // What a killed process left half written goes with them.
    if (at->path().filename().string().find(extension) == std::string::npos) continue;
    std::error_code gone;
    const auto written = at->last_write_time(gone);
    if (!gone) others.emplace_back(written, at->path());
  }
  if (others.size() < max_records) return;
  std::sort(others.begin(), others.end());
  others.resize(others.size() - (max_records - 1));
  for (const auto& [written, path] : others) fs::remove(path, failed);
}

fs::path state_folder() {
  const auto absolute = [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value == '/' ? fs::path(value) : fs::path();
  };
  if (const auto state = absolute("XDG_STATE_HOME"); !state.empty()) return state / "fpctl";
  if (const auto home = absolute("HOME"); !home.empty()) return home / ".local" / "state" / "fpctl";
  return {};
}

bool is_record_in_metadata(std::string_view key, std::string_view value) {
  if (!key.starts_with("ingest:")) return false;
  for (const auto* name : {"lines=", " documents=", " skipped=", " start_id=", " next_id="}) {
    if (!take(value, name) || !take_number(value)) return false;
  }
  return take(value, " xxh3=") && parse_hex16(value).has_value();
}

}  // namespace fp::ctl
