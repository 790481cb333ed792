#include "app/fpctl/import_job.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <nlohmann/json.hpp>

#include "app/fpctl/restored_index.hpp"
#include "app/parallel/work_off.hpp"
#include "core/backup/backup_writer.hpp"
#include "core/base/no_thread.hpp"
#include "core/fpindex/snapshot_reader.hpp"
#include "core/text/input_descriptor.hpp"

namespace fp::ctl {

namespace {

constexpr size_t max_info_bytes = size_t{1} << 20;
constexpr const char* stop_it = "; stop the server and import its data folder instead: fpctl import FOLDER";

/// Counts on, and takes the time of what goes through it.
class counted_source final : public fpindex::byte_source {
 public:
  counted_source(fpindex::byte_source& from, progress_meter& meter) : from_(from), meter_(meter) {}
  void expect(uint64_t total) { total_ = total; }
  size_t read(std::span<std::byte> out) override {
    const size_t count = from_.read(out);
    done_ += count;
    meter_.update({done_, total_, done_ >> 10});
    return count;
  }

 private:
  fpindex::byte_source& from_;
  progress_meter& meter_;
  uint64_t done_ = 0;
  std::optional<uint64_t> total_;
};

class file_stream final : public fpindex::byte_source {
 public:
  explicit file_stream(input_descriptor& input) : input_(input) {}
  size_t read(std::span<std::byte> out) override { return input_.read(out); }

 private:
  input_descriptor& input_;
};

/// What a server answers with 200; other answers become errors.
std::unique_ptr<http_download> get(const http_url& server, const std::string& target, const std::string& name,
                                   std::chrono::milliseconds limit) {
  auto answer = std::make_unique<http_download>(server, target, limit);
  if (answer->status() == 200) return answer;
  if (answer->status() == 404) throw error(errc::index_not_found, server.address() + ": there is no index " + name);
  throw error(errc::io_error, server.address() + ": GET " + target + " was answered with status " +
                                  std::to_string(answer->status()));
}

/// The version that a server says it has; nothing when it does not say so in words that are known.
std::optional<uint64_t> version_of(const http_url& server, const std::string& name,
                                   std::chrono::milliseconds limit) {
  const auto answer = get(server, "/" + name, name, limit);
  std::string text;
  std::vector<std::byte> buffer(4096);
  while (const size_t count = answer->read(buffer)) {
    text.append(reinterpret_cast<const char*>(buffer.data()), count);
    if (text.size() > max_info_bytes) return std::nullopt;
  }
  const auto info = json::parse(text, nullptr, false);
  if (!info.is_object() || !info.contains("version") || !info["version"].is_number_unsigned()) return std::nullopt;
  return info["version"].get<uint64_t>();
}

}  // namespace

import_job::import_job(command_context& c, const import_settings& settings, path spool, std::string name)
    : c_(c), settings_(settings), spool_(std::move(spool)), name_(std::move(name)) {}

fpindex::import_options import_job::options() const {
  return {settings_.salvage, &cancel_, [this](uint64_t bytes) {
            if (on_bytes_) on_bytes_(bytes);
          }};
}

imported_index import_job::from_folder(const fpindex::stored_index& source) {
  auto& fs = posix_file_system();
  auto segments = fpindex::read_manifest(fs, source.data);
  const auto unnamed = fpindex::unnamed_segments(fs, source.data, segments).size();
  fpindex::index_import work(fs, spool_, std::move(segments), source.oplog, options());
  convert(work, [&](size_t i) { return source.data / segment_file_name(work.segments()[i]); });
  work.report().num_unnamed = unnamed;
  return send(work, source.generation);
}

imported_index import_job::from_server(const http_url& server) {
  const auto limit = std::chrono::milliseconds(c_.ready_wait_ms());
  const auto target = "/" + name_ + "/_snapshot";
  std::optional<uint64_t> version;
  received from;
  try {
    version = version_of(server, name_, limit);
    from = receive(server.address() + target, *get(server, target, name_, limit));
  } catch (const error& e) {
    if (e.code() != errc::request_timeout) throw;
    throw error(e.code(), e.what() + std::string(stop_it));
  }
  std::vector<std::string> losses;
  const auto in_files = from.segments.empty() ? 0 : from.segments.back().index_version();
  if (version && *version > in_files) {
    losses.push_back(server.address() + ": has version " + std::to_string(*version) + ", but sends version " +
                     std::to_string(in_files) + ", what it has written to files" + stop_it);
  }
  return bring(from, std::move(losses));
}

imported_index import_job::from_file(const std::string& file) {
  input_descriptor input(file, c_.patience());
  file_stream stream(input);
  return bring(receive(file == "-" ? "standard input" : file, stream), {});
}

import_job::received import_job::receive(const std::string& name, fpindex::byte_source& stream) {
  auto meter = c_.make_meter("KiB of " + name_ + " received");
  counted_source counted(stream, meter);
  fpindex::snapshot_reader reader(name, counted);
  received out;
  out.generation = reader.header().generation;
  for (const auto& file : reader.header().files) out.segments.push_back(file.info);
  counted.expect(reader.header().num_file_bytes());
  for (const auto& segment : out.segments) reader.copy_file(posix_file_system(), spooled(segment));
  reader.finish();
  return out;
}

path import_job::spooled(const fpindex::segment_info& segment) const { return spool_ / segment_file_name(segment); }

imported_index import_job::bring(const received& from, std::vector<std::string> losses) {
  fpindex::index_import work(posix_file_system(), spool_, from.segments, {}, options());
  convert(work, [&](size_t i) { return spooled(from.segments[i]); });
  auto& all = work.report().losses;
  all.insert(all.end(), losses.begin(), losses.end());
  return send(work, from.generation);
}

void import_job::convert(fpindex::index_import& work, const file_function& file_of) {
  const auto count = work.segments().size();
  auto& fs = posix_file_system();
  std::vector<std::pair<uint64_t, size_t>> order;
  uint64_t total = 0;
  for (size_t i = 0; i < count; i++) {
    const uint64_t bytes = fs.exists(file_of(i)) ? fs.file_size(file_of(i)) : 0;
    order.emplace_back(bytes, i);
    total += 2 * bytes;
  }
  // The largest first, so that they do not end alone.
  std::sort(order.rbegin(), order.rend());
  auto meter = c_.make_meter("KiB of " + name_ + " converted");
  std::atomic<uint64_t> done = 0;
  std::mutex showing;
  on_bytes_ = [&](uint64_t bytes) {
    const auto sum = done.fetch_add(bytes) + bytes;
    if (const std::unique_lock lock(showing, std::try_to_lock); lock) meter.update({sum, total, sum >> 11});
  };
  const auto convert_one = [&](size_t i) {
    const auto number = order[i].second;
    work.convert(number, file_of(number));
  };
  struct forgetting {
    std::function<void(uint64_t)>& on_bytes;
    ~forgetting() { on_bytes = {}; }
  } forgets{on_bytes_};
  work_off(
      count, settings_.threads, [&] { return convert_one; }, [&] { cancel_ = true; });
}

imported_index import_job::send(fpindex::index_import& work, uint64_t generation) {
  const auto index = work.finish();
  backup_writer writer(index, name_, generation, max_backup_piece);
  std::span<const std::byte> chunk;
  imported_index out;
  {
    auto meter = c_.make_meter("KiB of " + name_ + " sent");
    out.restored =
        c_.node().restore(restore_request{name_, generation, settings_.replace}, [&](std::span<std::byte> to) {
          if (chunk.empty()) chunk = writer.next();
          const size_t count = std::min(chunk.size(), to.size());
          std::copy_n(chunk.begin(), count, to.begin());
          chunk = chunk.subspan(count);
          meter.update({writer.num_bytes(), writer.total_bytes(), writer.num_bytes() >> 10});
          return count;
        });
  }
  out.generation = generation;
  out.info = wait_until_loaded(c_, name_);
  out.report = work.report();
  return out;
}

}  // namespace fp::ctl
