#include "core/oplog/oplog.hpp"

#include "tests/core/support/volatile_file_system.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/seal.hpp"

namespace {

using namespace fp;

/// Opens the log, appends, and opens it again: all that was delivered must be there again.
void replay(const std::string& bytes, commit_id after) {
  test::volatile_file_system fs;
  fuzz::put_file(fs, "/" + oplog_format::file_name(1), bytes);
  const auto inspected = inspect_oplog(fs, "/", after, [](const commit_view&, const path&, uint64_t) {});
  std::vector<commit> first, second;
  oplog_replay report;
  std::unique_ptr<oplog> log;
  const bool opened = fuzz::accepts([&] {
    log = oplog::open(
        fs, "/", {}, after, [&](commit&& c) { first.push_back(std::move(c)); }, report);
  });
  fuzz::require(opened == !inspected.first, "inspection and opening disagree");
  if (!opened) return;
  fuzz::require(log->last_commit() == inspected.last_commit, "inspection found another end");
  const commit_id last = log->last_commit();
  if (last == max_commit_id) return;
  const commit next{last, last + 1, std::make_shared<const std::vector<uint8_t>>(8, uint8_t{1})};
  log->append({&next, 1});
  log.reset();
  oplog::open(
      fs, "/", {}, after, [&](commit&& c) { second.push_back(std::move(c)); }, report);
  fuzz::require(second.size() == first.size() + 1 && second.back().id == next.id, "another number of commits");
  fuzz::require(*second.back().changes == *next.changes, "the append is not there");
  for (size_t i = 0; i < first.size(); i++) {
    fuzz::require(first[i].id == second[i].id && *first[i].changes == *second[i].changes, "a commit has changed");
  }
}

}  // namespace

/// The newest file of a log, as it is and with right checksums.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string bytes(fuzz::text_of(data, size));
  replay(bytes, 0);
  replay(bytes, 2);
  fuzz::seal_log(bytes);
  replay(bytes, 0);
  return 0;
}
