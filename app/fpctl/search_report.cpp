#include "app/fpctl/search_report.hpp"

namespace fp::ctl {

namespace {

search_report::group total_of(const std::map<std::string, search_report::group>& groups) {
  search_report::group sum;
  for (const auto& [label, g] : groups) {
    sum.queries += g.queries;
    sum.matched += g.matched;
  }
  return sum;
}

double share_of(const search_report::group& g) {
  return static_cast<double>(g.matched) / static_cast<double>(g.queries);
}

}  // namespace

query_outcome outcome_of(const text_fingerprint& query, const result_list& results) {
  query_outcome o{query.label, query.id, std::nullopt, 0};
  if (results.empty()) return o;
  o.best = results[0];
  o.margin = results[0].score - (results.size() > 1 ? results[1].score : 0);
  return o;
}

void search_report::add(const query_outcome& o) {
  queries_++;
  if (!o.best) unmatched_++;
  if (!o.expected) return;
  auto& g = groups_[o.label];
  g.queries++;
  if (o.is_as_expected()) g.matched++;
}

table search_report::expectation_table() const {
  table t({{"label"}, {"queries", align::right}, {"as expected", align::right}, {"share", align::right}});
  const auto row = [&](const std::string& label, const group& g) {
    t.add({label, grouped(g.queries), grouped(g.matched), percent_text(g.matched, g.queries)});
  };
  for (const auto& [label, g] : groups_) row(label.empty() ? "-" : label, g);
  if (groups_.size() > 1) row("all", total_of(groups_));
  return t;
}

json search_report::expectation_json() const {
  const auto entry = [](const group& g) {
    json j{{"queries", g.queries}, {"matched", g.matched}};
    if (g.queries > 0) j["share"] = share_of(g);
    return j;
  };
  json labels = json::object();
  for (const auto& [label, g] : groups_) labels[label] = entry(g);
  auto j = entry(total_of(groups_));
  j["labels"] = std::move(labels);
  return j;
}

table outcome_table() {
  return table({{"label", align::left, 12},
                {"expected", align::right, 10},
                {"best", align::right, 10},
                {"score", align::right, 6},
                {"margin", align::right, 6}});
}

void add_row(table& t, const query_outcome& o) {
  t.add({o.label.empty() ? "-" : o.label, o.expected ? std::to_string(*o.expected) : "-",
         o.best ? std::to_string(o.best->id) : "none", o.best ? std::to_string(o.best->score) : "-",
         o.best ? std::to_string(o.margin) : "-"});
}

json as_json(const query_outcome& o) {
  json j{{"label", o.label}};
  j["expected"] = o.expected ? json(*o.expected) : json(nullptr);
  j["best"] = o.best ? json(o.best->id) : json(nullptr);
  j["score"] = o.best ? json(o.best->score) : json(nullptr);
  j["margin"] = o.best ? json(o.margin) : json(nullptr);
  return j;
}

}  // namespace fp::ctl
