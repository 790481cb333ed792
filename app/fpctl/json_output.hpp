#pragma once

#include <nlohmann/json.hpp>

#include "messages/requests.hpp"

namespace fp::ctl {

// Answers of a node as `--json` prints them: the members' names are those of the messages.

using json = nlohmann::ordered_json;

json as_json(const index_entry& e);
json as_json(const index_list& l);
json as_json(const node_status& s);
json as_json(const load_progress& p);
json as_json(const index_status& s);
json as_json(const index_info& i);
json as_json(const segment_list& l);
json as_json(const upkeep_reply& r);
json as_json(const result_list& results);

}  // namespace fp::ctl
