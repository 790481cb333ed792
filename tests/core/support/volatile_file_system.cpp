#include "tests/core/support/volatile_file_system.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/base/error.hpp"
#include "core/base/split_mix.hpp"
#include "tests/core/support/failing_allocation.hpp"

namespace fp::test {

namespace {

constexpr size_t root = 0;
constexpr size_t sector_bytes = 512;

using contents_ptr = volatile_file_system::contents_ptr;

[[noreturn]] void fail(const char* operation, const path& file, const char* why) {
  throw error(errc::io_error, std::string("cannot ") + operation + " " + file.string() + ": " + why);
}

/// Copies a sector, as far as it lies within both.
void copy_sector(std::string& to, const std::string& from, size_t sector) {
  const size_t begin = sector * sector_bytes, end = std::min(begin + sector_bytes, to.size());
  const size_t copied = std::min(std::max(from.size(), begin), end);
  if (copied > begin) std::memcpy(to.data() + begin, from.data() + begin, copied - begin);
  std::memset(to.data() + copied, 0, end - copied);
}

class volatile_mapping final : public mapped_file {
 public:
  explicit volatile_mapping(contents_ptr contents) : contents_(std::move(contents)) {}
  std::span<const std::byte> bytes() const noexcept override { return std::as_bytes(std::span(*contents_)); }

 private:
  contents_ptr contents_;
};

class volatile_readable final : public readable_file {
 public:
  volatile_readable(const volatile_file_system& fs, size_t node) : fs_(fs), node_(node) {}

  uint64_t size() const override { return fs_.contents(node_)->size(); }
  size_t read_at(uint64_t offset, std::span<std::byte> out) const override {
    const auto contents = fs_.contents(node_);
    if (offset >= contents->size()) return 0;
    const size_t count = std::min<size_t>(out.size(), contents->size() - offset);
    if (count > 0) std::memcpy(out.data(), contents->data() + offset, count);
    return count;
  }
  std::unique_ptr<mapped_file> map() const override {
    const reliable_allocation reliable;
    return std::make_unique<volatile_mapping>(fs_.contents(node_));
  }

 private:
  const volatile_file_system& fs_;
  size_t node_;
};

class volatile_writable final : public writable_file {
 public:
  volatile_writable(volatile_file_system& fs, size_t node) : fs_(fs), node_(node) {}

  uint64_t size() const override { return fs_.contents(node_)->size(); }
  void write_at(uint64_t offset, std::span<const std::byte> data) override { fs_.write(node_, offset, data); }
  void sync() override { fs_.sync(node_); }
  void truncate(uint64_t size) override { fs_.truncate(node_, size); }

 private:
  volatile_file_system& fs_;
  size_t node_;
};

class volatile_lock final : public file_lock {
 public:
  volatile_lock(volatile_file_system& fs, path file) : fs_(fs), file_(std::move(file)) {}
  ~volatile_lock() override { fs_.unlock(file_); }

 private:
  volatile_file_system& fs_;
  path file_;
};

}  // namespace

volatile_file_system::volatile_file_system() { add_node(true); }

volatile_file_system::volatile_file_system(const volatile_file_system& other)
    : file_system(), nodes_(other.nodes_), pending_(other.pending_) {}

void volatile_file_system::about_to_change() {
  if (before_change) before_change();
}

std::optional<size_t> volatile_file_system::find(const path& file) const {
  size_t at = root;
  for (const path& part : file.lexically_normal().relative_path()) {
    if (part.empty()) continue;
    const auto& entries = nodes_[at].entries;
    const auto found = entries.find(part.string());
    if (found == entries.end()) return std::nullopt;
    at = found->second;
  }
  return at;
}

size_t volatile_file_system::at(const char* operation, const path& file) const {
  const auto found = find(file);
  if (!found) fail(operation, file, "No such file or directory");
  return *found;
}

size_t volatile_file_system::parent_of(const char* operation, const path& file) const {
  const size_t parent = at(operation, file.parent_path());
  if (!nodes_[parent].is_directory) fail(operation, file, "Not a directory");
  return parent;
}

size_t volatile_file_system::add_node(bool is_directory) {
  node n;
  n.is_directory = is_directory;
  n.visible = n.target = std::make_shared<const std::string>();
  n.versions = {n.target};
  nodes_.push_back(std::move(n));
  return nodes_.size() - 1;
}

void volatile_file_system::apply(change edits) {
  for (const edit& e : edits) {
    auto& entries = nodes_[e.directory].entries;
    if (e.target) {
      entries[e.name] = *e.target;
    } else {
      entries.erase(e.name);
    }
  }
  pending_.push_back(std::move(edits));
}

void volatile_file_system::commit(const change& edits) {
  for (const edit& e : edits) {
    auto& entries = nodes_[e.directory].durable_entries;
    if (e.target) {
      entries[e.name] = *e.target;
    } else {
      entries.erase(e.name);
    }
  }
}

void volatile_file_system::lose_power(power_failure how) {
  const reliable_allocation reliable;
  uint64_t random = static_cast<uint64_t>(how);
  // Half of the random ones keep the order of changes, as journals do.
  const bool ordered = next_split_mix(random) % 2 == 0;
  const size_t prefix = next_split_mix(random) % (pending_.size() + 1);
  for (size_t i = 0; i < pending_.size(); i++) {
    const bool kept = how == power_failure::keeps_all ||
                      (how != power_failure::loses_all && (ordered ? i < prefix : next_split_mix(random) % 2 == 0));
    if (kept) commit(pending_[i]);
  }
  pending_.clear();
  locked_.clear();
  for (node& n : nodes_) {
    n.entries = n.durable_entries;
    if (!n.is_directory) set_contents(n, survivor(n, how, random));
  }
}

contents_ptr volatile_file_system::survivor(const node& n, power_failure how, uint64_t& random) {
  const contents_ptr &oldest = n.versions.front(), &newest = n.versions.back();
  if (n.versions.size() == 1 || how == power_failure::loses_all) return oldest;
  if (how == power_failure::keeps_all) return newest;
  const auto [small, large] = std::minmax({oldest->size(), newest->size()});
  size_t size = newest->size();
  if (next_split_mix(random) % 3 == 0) size = oldest->size();
  if (next_split_mix(random) % 3 == 0) size = small + next_split_mix(random) % (large - small + 1);
  std::string contents(size, '\0');
  for (size_t sector = 0; sector * sector_bytes < size; sector++) {
    copy_sector(contents, *n.versions[next_split_mix(random) % n.versions.size()], sector);
  }
  return std::make_shared<const std::string>(std::move(contents));
}

void volatile_file_system::set_contents(node& n, contents_ptr contents) {
  n.visible = n.target = contents;
  n.versions = {std::move(contents)};
}

void volatile_file_system::fail_sync(const path& file) {
  const reliable_allocation reliable;
  node& n = nodes_[at("sync", file)];
  std::string lost = *n.versions.front();
  lost.resize(n.visible->size());
  n.target = std::make_shared<const std::string>(std::move(lost));
  n.versions.push_back(n.target);
}

void volatile_file_system::write(size_t id, uint64_t offset, std::span<const std::byte> data) {
  const reliable_allocation reliable;
  about_to_change();
  node& n = nodes_[id];
  if (data.empty()) return;
  std::string visible = *n.visible, target = *n.target;
  visible.resize(std::max<size_t>(visible.size(), offset + data.size()));
  std::memcpy(visible.data() + offset, data.data(), data.size());
  target.resize(visible.size());
  for (size_t s = offset / sector_bytes; s * sector_bytes < offset + data.size(); s++)
    copy_sector(target, visible, s);
  const bool same = n.target == n.visible;
  n.visible = std::make_shared<const std::string>(std::move(visible));
  n.target = same ? n.visible : std::make_shared<const std::string>(std::move(target));
  n.versions.push_back(n.target);
}

void volatile_file_system::truncate(size_t id, uint64_t size) {
  const reliable_allocation reliable;
  about_to_change();
  node& n = nodes_[id];
  std::string visible = *n.visible, target = *n.target;
  visible.resize(size);
  target.resize(size);
  n.visible = std::make_shared<const std::string>(std::move(visible));
  n.target = std::make_shared<const std::string>(std::move(target));
  n.versions.push_back(n.target);
}

void volatile_file_system::sync(size_t id) {
  const reliable_allocation reliable;
  about_to_change();
  node& n = nodes_[id];
  n.versions = {n.target};
}

std::unique_ptr<readable_file> volatile_file_system::open(const path& file) {
  const reliable_allocation reliable;
  return std::make_unique<volatile_readable>(*this, at("open", file));
}

std::unique_ptr<writable_file> volatile_file_system::create(const path& file) {
  const reliable_allocation reliable;
  about_to_change();
  const size_t parent = parent_of("create", file);
  if (const auto existing = find(file)) {
    if (nodes_[*existing].is_directory) fail("create", file, "Is a directory");
    auto out = std::make_unique<volatile_writable>(*this, *existing);
    if (!nodes_[*existing].visible->empty()) truncate(*existing, 0);
    return out;
  }
  const size_t made = add_node(false);
  apply({{parent, file.filename().string(), made}});
  return std::make_unique<volatile_writable>(*this, made);
}

std::unique_ptr<writable_file> volatile_file_system::open_for_writing(const path& file) {
  const reliable_allocation reliable;
  return std::make_unique<volatile_writable>(*this, at("open for writing", file));
}

bool volatile_file_system::exists(const path& file) {
  const reliable_allocation reliable;
  return find(file).has_value();
}

bool volatile_file_system::is_directory(const path& file) {
  const reliable_allocation reliable;
  const auto found = find(file);
  return found && nodes_[*found].is_directory;
}

uint64_t volatile_file_system::file_size(const path& file) {
  const reliable_allocation reliable;
  return nodes_[at("get the size of", file)].visible->size();
}

std::vector<std::string> volatile_file_system::list(const path& directory) {
  const reliable_allocation reliable;
  const node& n = nodes_[at("list", directory)];
  if (!n.is_directory) fail("list", directory, "Not a directory");
  std::vector<std::string> names;
  for (const auto& [name, id] : n.entries) names.push_back(name);
  return names;
}

void volatile_file_system::rename(const path& from, const path& to) {
  const reliable_allocation reliable;
  about_to_change();
  const size_t moved = at("rename", from);
  const size_t from_parent = parent_of("rename", from), to_parent = parent_of("rename", to);
  if (const auto existing = find(to)) {
    const node& n = nodes_[*existing];
    if (n.is_directory != nodes_[moved].is_directory) fail("rename", to, "Is or is not a directory");
    if (!n.entries.empty()) fail("rename", to, "Directory not empty");
  }
  apply({{from_parent, from.filename().string(), std::nullopt}, {to_parent, to.filename().string(), moved}});
}

void volatile_file_system::remove(const path& file) {
  const reliable_allocation reliable;
  about_to_change();
  const auto existing = find(file);
  if (!existing) return;
  if (nodes_[*existing].is_directory) fail("remove", file, "Is a directory");
  apply({{parent_of("remove", file), file.filename().string(), std::nullopt}});
}

void volatile_file_system::remove_below(size_t directory, const std::string& name) {
  const size_t removed = nodes_[directory].entries.at(name);
  const auto below = nodes_[removed].entries;
  for (const auto& [inner, id] : below) remove_below(removed, inner);
  about_to_change();
  apply({{directory, name, std::nullopt}});
}

void volatile_file_system::remove_all(const path& directory) {
  const reliable_allocation reliable;
  about_to_change();
  if (!find(directory)) return;
  remove_below(parent_of("remove", directory), directory.filename().string());
}

void volatile_file_system::create_directories(const path& directory) {
  const reliable_allocation reliable;
  path made = "/";
  for (const path& part : directory.lexically_normal().relative_path()) {
    if (part.empty()) continue;
    const size_t parent = at("create folder", made);
    made /= part;
    if (const auto existing = find(made)) {
      if (!nodes_[*existing].is_directory) fail("create folder", made, "File exists");
      continue;
    }
    about_to_change();
    const size_t added = add_node(true);
    apply({{parent, part.string(), added}});
    sync_directory(made.parent_path());
  }
}

void volatile_file_system::sync_directory(const path& directory) {
  const reliable_allocation reliable;
  about_to_change();
  const size_t id = at("sync folder", directory);
  std::erase_if(pending_, [&](const change& edits) {
    const bool is_here = std::any_of(edits.begin(), edits.end(), [&](const edit& e) { return e.directory == id; });
    if (is_here) commit(edits);
    return is_here;
  });
}

std::unique_ptr<file_lock> volatile_file_system::lock(const path& file) {
  const reliable_allocation reliable;
  if (!find(file)) create(file);
  if (!locked_.insert(file).second) throw error(errc::data_folder_locked, "cannot lock " + file.string());
  return std::make_unique<volatile_lock>(*this, file);
}

}  // namespace fp::test
