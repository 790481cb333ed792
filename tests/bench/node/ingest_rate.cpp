#include "tests/bench/node/ingest_rate.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include "tests/bench/node/feeding.hpp"
#include "tests/bench/node/http_feeder.hpp"
#include "tests/bench/node/node_process.hpp"

namespace fp::bench {

namespace {

using clock = std::chrono::steady_clock;

double seconds_since(clock::time_point start) {
  return std::chrono::duration<double>(clock::now() - start).count();
}

double own_cpu_seconds() {
  rusage used;
  getrusage(RUSAGE_SELF, &used);
  const auto in_seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return in_seconds(used.ru_utime) + in_seconds(used.ru_stime);
}

/// When which documents were acknowledged.
class timeline {
 public:
  void add(uint64_t documents) {
    const std::lock_guard guard(mutex_);
    last_ = seconds_since(start_);
    by_second_[static_cast<uint64_t>(last_)] += documents;
  }
  double last() const { return last_; }
  /// Of whole seconds.
  std::vector<std::pair<double, double>> rates() const {
    std::vector<std::pair<double, double>> out;
    for (uint64_t s = 0; s < static_cast<uint64_t>(last_); s++) {
      const auto it = by_second_.find(s);
      out.emplace_back(static_cast<double>(s) + 0.5, it == by_second_.end() ? 0 : static_cast<double>(it->second));
    }
    return out;
  }

 private:
  const clock::time_point start_ = clock::now();
  std::mutex mutex_;
  double last_ = 0;
  std::map<uint64_t, uint64_t> by_second_;
};

void feed_over_http(const node_options& o, uint16_t port, body_format format, timeline& times) {
  const uint64_t batches = (o.documents + documents_per_update - 1) / documents_per_update;
  std::vector<std::exception_ptr> failures(o.connections);
  {
    std::vector<std::jthread> threads;
    for (uint32_t t = 0; t < o.connections; t++) {
      threads.emplace_back([&, t] {
        try {
          http_feeder feeder(port, format);
          uniform_documents documents(13 + t, o.hashes_per_document);
          for (uint64_t b = t; b < batches; b += o.connections) {
            const uint64_t first = b * documents_per_update;
            const uint64_t count = std::min(documents_per_update, o.documents - first);
            feeder.insert(documents, static_cast<document_id>(first + 1), count);
            times.add(count);
          }
        } catch (...) {
          failures[t] = std::current_exception();
        }
      });
    }
  }
  for (const auto& f : failures) {
    if (f) std::rethrow_exception(f);
  }
}

}  // namespace

ingest_result ingest(const node_options& o, ingest_way way) {
  scratch_folder scratch(o.folder);
  node_process process(node_command(o.node, scratch.path() / "data"));
  node_client client(process.port());
  const double cpu = own_cpu_seconds();
  timeline times;
  if (way == ingest_way::actors) {
    update_source source(13, o.hashes_per_document);
    feed(client.node, source, o.documents, [&](uint64_t documents) { times.add(documents); });
  } else {
    feed_over_http(o, process.http_port(), way == ingest_way::json ? body_format::json : body_format::msgpack,
                   times);
  }
  ingest_result result;
  result.rate = static_cast<double>(o.documents) / times.last();
  result.client_share = (own_cpu_seconds() - cpu) / times.last();
  result.by_time = times.rates();
  result.upkeep_seconds = seconds([&] { client.node.checkpoint(index_name); });
  const auto info = client.node.info(index_name);
  if (info.num_documents != o.documents) throw std::runtime_error("documents are missing");
  return result;
}

namespace {

/// Documents a second that std::sort sorts the items of.
double sort_rate(const node_options& o) {
  uniform_documents documents(13, o.hashes_per_document);
  std::vector<posting> postings;
  postings.reserve(o.documents * o.hashes_per_document);
  for (uint64_t id = 1; id <= o.documents; id++) {
    for (const hash_value h : documents.next()) postings.push_back(make_posting(h, static_cast<document_id>(id)));
  }
  return static_cast<double>(o.documents) / seconds([&] { std::sort(postings.begin(), postings.end()); });
}

}  // namespace

void run_ingest(const node_options& o, reporter& report) {
  constexpr double wanted_rate = 50'000;
  const struct {
    ingest_way way;
    const char *id, *what;
  } ways[]{{ingest_way::actors, "caf", "ingest over CAF"},
           {ingest_way::msgpack, "msgpack", "ingest over HTTP, MessagePack"},
           {ingest_way::json, "json", "ingest over HTTP, JSON"}};
  std::vector<double> sorting;
  std::map<ingest_way, std::vector<ingest_result>> results;
  for (uint32_t round = 0; round < o.rounds; round++) {
    sorting.push_back(sort_rate(o));
    for (const auto& w : ways) results[w.way].push_back(ingest(o, w.way));
  }
  for (const auto& w : ways) {
    std::vector<double> rates, of_sorting, of_wanted, shares, upkeep;
    for (size_t i = 0; i < sorting.size(); i++) {
      const auto& r = results[w.way][i];
      rates.push_back(r.rate);
      of_sorting.push_back(r.rate / sorting[i]);
      of_wanted.push_back(r.rate / wanted_rate);
      shares.push_back(r.client_share);
      upkeep.push_back(r.upkeep_seconds);
    }
    const std::map<std::string, double> x{{"documents", static_cast<double>(o.documents)},
                                          {"client_cores", spread_of(shares).median},
                                          {"checkpoint_seconds_after", spread_of(upkeep).median}};
    const std::string id = std::string("node/ingest/") + w.id + "/" + std::to_string(o.documents);
    report.add({id,
                std::string(w.what) + ", durable",
                "documents/s",
                spread_of(rates),
                "wanted",
                {wanted_rate, wanted_rate, wanted_rate},
                spread_of(of_wanted),
                1.0,
                "two cores that sort every item and merge it some times, the client beside them",
                x});
    report.add({id + "/sort", std::string(w.what) + ", of sorting once", "documents/s", spread_of(rates),
                "std::sort of the same items", spread_of(sorting), spread_of(of_sorting), std::nullopt,
                "the processor", x});
    report.add(
        {id + "/by-time", std::string(w.what) + ", over time", "s", "documents/s", results[w.way].back().by_time});
  }
}

}  // namespace fp::bench
