#include "app/fpctl/node_recordings.hpp"

#include <utility>

#include "app/fpctl/index_form.hpp"
#include "core/base/error.hpp"

namespace fp::ctl {

node_recordings::node_recordings(client& node, recording_library* library, std::string index,
                                 std::optional<hash_form> wanted, uint32_t ready_wait_ms)
    : node_(node), library_(library), index_(std::move(index)), wanted_(wanted), ready_wait_ms_(ready_wait_ms) {}

hash_form node_recordings::ask_form(const std::string& index) {
  index_info_request request;
  request.ready_wait_ms = ready_wait_ms_;
  return form_of(node_.info(index, request), index);
}

void node_recordings::check_generation(const std::string& index) {
  if (library_ == nullptr) return;
  const auto known = library_->index(index);
  if (!known || known->generation == 0) return;
  if (node_.status(index).generation == known->generation) return;
  note_ = "the library was made for another index that had the name " + index +
          " before: what it names may not be what the index holds";
}

void node_recordings::open() {
  main_form_ = ask_form(index_);
  if (!wanted_ || *wanted_ == main_form_) {
    indexes_[main_form_] = index_;
    looked_for_phone_ = wanted_.has_value() || main_form_ == hash_form::phone;
  } else if (*wanted_ == hash_form::phone) {
    if (!has(hash_form::phone)) {
      throw error(errc::index_not_found, "there is no index " + phone_index_of(index_) +
                                             " with the recordings of " + index_ + " in the telephone's band");
    }
  } else {
    throw wrong_form(index_, main_form_, *wanted_);
  }
  for (const auto& [form, name] : indexes_) check_generation(name);
}

bool node_recordings::has(hash_form form) {
  if (form == hash_form::phone && !std::exchange(looked_for_phone_, true)) {
    const auto name = phone_index_of(index_);
    try {
      if (ask_form(name) == hash_form::phone) indexes_[form] = name;
    } catch (const error& e) {
      if (e.code() != errc::index_not_found && e.code() != errc::invalid_index_name) throw;
    }
  }
  return indexes_.contains(form);
}

std::vector<std::vector<search_result>> node_recordings::search(hash_form form, std::vector<query> queries) {
  search_batch_request batch;
  for (const auto& q : queries) {
    search_request request;
    request.query = q.hashes;
    request.probes = q.probes;
    request.limit = q.limit;
    request.min_score = q.min_score;
    request.score_pct = 0;
    request.timeout_ms = request.ready_wait_ms = ready_wait_ms_;
    batch.searches.push_back(std::move(request));
  }
  std::vector<std::vector<search_result>> all;
  for (const auto& reply : node_.search_batch(indexes_.at(form), batch).replies) {
    all.push_back(reply.results.to_vector());
  }
  return all;
}

std::optional<std::vector<hash_value>> node_recordings::fingerprint(hash_form form, document_id id) {
  if (library_ == nullptr) return std::nullopt;
  return library_->fingerprint(indexes_.at(form), id);
}

std::optional<recording> node_recordings::find(hash_form form, document_id id) {
  if (library_ == nullptr) return std::nullopt;
  return library_->find(indexes_.at(form), id);
}

}  // namespace fp::ctl
