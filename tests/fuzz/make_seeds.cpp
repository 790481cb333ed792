// Writes the seeds of all fuzz targets: make_seeds FOLDER makes FOLDER/<target>/<number>.
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "core/fpindex/feed_protocol.hpp"
#include "core/index/checked_json.hpp"
#include "core/index/manifest.hpp"
#include "core/oplog/oplog.hpp"
#include "core/oplog/oplog_format.hpp"
#include "tests/core/fpindex/sample_segment.hpp"
#include "tests/core/support/backup_streams.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/volatile_file_system.hpp"

namespace fp::fuzz {

namespace {

class seed_writer {
 public:
  explicit seed_writer(std::filesystem::path folder) : folder_(std::move(folder)) {}

  void add(const std::string& target, std::string_view bytes) {
    const auto folder = folder_ / target;
    std::filesystem::create_directories(folder);
    std::ofstream out(folder / std::to_string(numbers_[target]++), std::ios::binary);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!out.flush()) throw std::runtime_error("cannot write a seed of " + target);
  }
  void add(const std::string& target, std::span<const std::byte> bytes) {
    add(target, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }

 private:
  std::filesystem::path folder_;
  std::map<std::string, int> numbers_;
};

/// A request and an answer of each kind.
void add_feed(seed_writer& seeds) {
  changes_encoder changes;
  const std::vector<hash_value> hashes{1, 200, 70'000, 0xffffffff};
  changes.insert(1, hashes);
  changes.erase(300);
  changes.set_metadata("name", "main");
  changes.set_metadata("rev", "7");
  const std::vector<feed_position> positions{1, 2, 70'000, 70'001};
  const std::vector<meta_operation> operations{{1, meta_operation::kind::create, "main"},
                                               {2, meta_operation::kind::erase, "main"}};
  const std::chrono::milliseconds wait(1'000);
  seeds.add("feed", fpindex::encode_append_request(changes.bytes(), 5));
  seeds.add("feed", fpindex::encode_read_answer(positions, changes.bytes(), wait));
  seeds.add("feed", fpindex::encode_meta_answer(operations, wait));
  for (const char field : {'i', 'g', 'p'}) seeds.add("feed", fpindex::encode_number(field, 1'000));
  auto stream = fpindex::encode_number('p', 7);
  for (const auto& part : {fpindex::encode_bootstrap_part(changes.bytes()), fpindex::encode_bootstrap_part({})}) {
    stream.insert(stream.end(), part.begin(), part.end());
  }
  seeds.add("feed", stream);
}

/// A segment file, a log, a manifest, a record and a snapshot stream of fpindex.
void add_fpindex_files(seed_writer& seeds) {
  test::sample_segment segment{{1, 2, {}}, {{"name", "main"}}, {{1, {1, 2, 2, 300'000}}, {70'000, {2}}}, {3}};
  const auto file = test::sample_file(segment);
  seeds.add("fpindex", file);
  std::vector<std::byte> bytes;
  fpindex::message_pack_writer out(bytes);
  const auto add = [&] {
    seeds.add("fpindex", bytes);
    bytes.clear();
  };
  const std::string_view change(
      "\x81\xa1i\x82\xa1i\x05\xa1h\x92\x01\xce\xff\xff\xff\xff"
      "\x81\xa1s\x81\xa1"
      "e\x91\x82\xa1k\xa1x\xa1v\xa1y"
      "\x81\xa1"
      "d\x81\xa1i\x06");
  for (const uint8_t id : {1, 2}) {
    std::string payload = {'\x82', '\xa1', 'i', static_cast<char>(id), '\xa1', 'c', '\x93'};
    payload += change;
    const auto length = static_cast<uint32_t>(payload.size());
    const auto crc = static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(payload.data()), length));
    for (const uint32_t number : {length, crc}) out.raw(std::as_bytes(std::span(&number, 1)));
    out.raw(std::as_bytes(std::span(payload)));
  }
  add();
  out.array_header(1);
  fpindex::write(segment.info, out);
  add();
  out.map_header(3);
  out.string("n");
  out.string("main");
  out.string("g");
  out.number(1);
  out.string("d");
  out.boolean(false);
  add();
  out.map_header(3);
  out.string("f");
  out.number(1);
  out.string("g");
  out.number(1);
  out.string("s");
  out.array_header(1);
  out.map_header(2);
  out.string("i");
  fpindex::write(segment.info, out);
  out.string("s");
  out.number(file.size());
  out.raw(file);
  add();
}

void add_segments_and_backups(seed_writer& seeds) {
  for (uint64_t seed = 1; seed <= 6; seed++) {
    test::random_data data(seed);
    const commit first = data.next_commit(1, 6, 10);
    const std::vector<commit> commits{first, data.commit_behind(first.id, 6, 10)};
    for (const commit& c : commits) {
      seeds.add("changes", std::as_bytes(std::span(*c.changes)));
    }
    const segment_ptr s = build_memory_segment(commits);
    seeds.add("segment", s->bytes());
    // The last commit lies in two parts.
    const std::vector<commit> part{data.commit_behind(commits.back().id, 4, 4)};
    const auto index = snapshot::from_segments(
        {s, build_memory_segment(part, {.last_part = 1}), build_memory_segment(part, {.first_part = 1})});
    backup_writer writer(index, "main", 1);
    seeds.add("backup", test::read_all(writer));
  }
  backup_writer writer(std::make_shared<const snapshot>(), "main", 1);
  seeds.add("backup", test::read_all(writer));
}

void add_logs(seed_writer& seeds) {
  test::volatile_file_system fs;
  oplog_replay report;
  const path file = "/" + oplog_format::file_name(1);
  const auto log = oplog::open(
      fs, "/", {}, 0, [](commit&&) {}, report);
  test::random_data data(9);
  for (int i = 0; i < 3; i++) {
    const commit first = data.commit_behind(log->last_commit(), 4, 8);
    const commit commits[] = {first, data.commit_behind(first.id, 4, 8)};
    log->append(commits);
    seeds.add("oplog", read_file(fs, file));
  }
  seeds.add("oplog", read_file(fs, file) + std::string(600, '\0'));
}

void add_json(seed_writer& seeds) {
  test::volatile_file_system fs;
  manifest m;
  for (int i = 0; i < 3; i++) {
    write_manifest(fs, "/", m);
    seeds.add("manifest", read_file(fs, path("/") / manifest_file_name));
    segment_info info;
    info.previous_commit = m.segments.size() * 10;
    info.first_commit = info.previous_commit + 1 + m.segments.size();
    info.last_commit = info.previous_commit + 10;
    info.num_documents = 4;
    info.max_document = 7;
    m.segments.push_back({segment_file_name(info.first_commit, info.last_commit), info});
  }
  for (const bool deleted : {false, true}) {
    seeds.add("current", dump_checked_json({{"generation", 3}, {"deleted", deleted}}, 1));
  }
  std::ifstream shipped(FPNODE_CONFIG_FILE);
  seeds.add("configuration", std::string{std::istreambuf_iterator<char>(shipped), {}});
  seeds.add("configuration", R"({"dir": "x", "port": "off", "log_level": "debug" /* why */})");
}

std::string gzip(const std::string& text) {
  z_stream stream{};
  constexpr int gzip_window_bits = 15 + 16;
  if (deflateInit2(&stream, 9, Z_DEFLATED, gzip_window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("cannot compress");
  }
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

void add_text(seed_writer& seeds) {
  const std::string lines[] = {
      "7|1,2,3\n8|{-1,2,3}\n", "7\t{1,2,3}\nmp3_64k\t7\t1,2,3\n",
      "# note\n\nFILE=a.wav\nDURATION=3\nFINGERPRINT=1,2,3\n",
      "{\"duration\": 1.5, \"fingerprint\": [1, 4294967295], \"id\": 3, \"label\": \"a\\u00e9\"}\n", "[1 2 3]"};
  for (const std::string& text : lines) {
    seeds.add("fingerprint_text", text);
    seeds.add("gzip", text);
    seeds.add("gzip", gzip(text));
    seeds.add("gzip", gzip(text) + gzip("more\r\n"));
  }
}

void add_bodies(seed_writer& seeds) {
  const std::string bodies[] = {
      R"({"query": [1, 2, 4294967295], "limit": 5, "timeout": 100, "min_score": 2, "score_pct": 10, "probes": 2,)"
      R"( "x": [{}, null]})",
      R"({"changes": [{"insert": {"id": 7, "hashes": [1, 2]}}, {"delete": {"id": 8}},)"
      R"( {"set_metadata": {"entries": [{"key": "a", "value": "\u00e9"}]}}, {"set_attribute": {"name": "b", "value": 1}}],)"
      R"( "metadata": {"c": "d"}, "expected_version": 3})",
      R"({"hashes": [1, 2, 3]})", R"({"expect_does_not_exist": true, "generation": 2})",
      R"({"expect_exists": false})",
      // By their first letters.
      R"({"q": [1], "l": 5, "t": 1})",
      R"({"c": [{"i": {"i": 7, "h": [1]}}, {"d": {"i": 7}}, {"s": {"n": "b", "v": 1}}]})", R"({"h": [1]})",
      R"({"e": true, "g": 2})"};
  for (const std::string& body : bodies) {
    seeds.add("json", body);
    const auto packed = nlohmann::json::to_msgpack(nlohmann::json::parse(body));
    seeds.add("msgpack", std::as_bytes(std::span(packed)));
  }
}

void add_protocols(seed_writer& seeds) {
  seeds.add("line_protocol",
            "begin\r\ninsert 1 1,2,-3\ninsert 2 {1}\nset attribute a b\nget a\ncommit\ncommit\nsearch 1,2\nquit\n");
  seeds.add(
      "line_protocol",
      "set max_results 5\nget attribute max_results\nset timeout 0\nset idle_timeout 1\nset top_score_percent 101\n"
      "set probes 2\n"
      "echo  a b\n\nget unknown\nbegin\nbegin\noptimize\nrollback\ncleanup\n");
  seeds.add("line_protocol",
            "echo a\r\necho " + std::string(507, 'b') + "\r\necho " + std::string(508, 'c') + "\nquit\n");
  seeds.add(
      "http_head",
      "POST /main/_search HTTP/1.1\r\nHost: localhost:6081\r\nContent-Type: application/json; charset=utf-8\r\n"
      "Accept: application/vnd.msgpack;q=0.5, */*\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n{}");
  seeds.add("http_head",
            "PUT http://[::1]/main HTTP/1.1\r\nHost: [::1]\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  seeds.add("http_head", "GET /_metrics HTTP/1.0\r\nIf-None-Match: \"x\"\r\nConnection: keep-alive\r\n\r\n");
}

}  // namespace

}  // namespace fp::fuzz

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: make_seeds FOLDER\n";
    return 2;
  }
  try {
    fp::fuzz::seed_writer seeds(argv[1]);
    fp::fuzz::add_fpindex_files(seeds);
    fp::fuzz::add_feed(seeds);
    fp::fuzz::add_segments_and_backups(seeds);
    fp::fuzz::add_logs(seeds);
    fp::fuzz::add_json(seeds);
    fp::fuzz::add_text(seeds);
    fp::fuzz::add_bodies(seeds);
    fp::fuzz::add_protocols(seeds);
    return 0;
  } catch (const std::exception& e) {
    std::cerr << "make_seeds: " << e.what() << "\n";
    return 1;
  }
}
