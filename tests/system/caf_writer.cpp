// Writes to an index over CAF for the system tests: caf_writer PORT INDEX. Every line of standard input is one
// commit, its changes set apart by semicolons: `insert ID HASH,HASH...`, `delete ID`, `set KEY VALUE`. It is
// answered with a line of its own: `ok VERSION`, or `error CODE TEXT`.
#include <cstdlib>
#include <iostream>
#include <sstream>

#include "app/client/client.hpp"
#include "app/support/system_config.hpp"
#include "core/commit/changes.hpp"

namespace {

std::vector<fp::hash_value> read_hashes(std::istream& in) {
  std::vector<fp::hash_value> hashes;
  fp::hash_value hash = 0;
  for (char comma = ','; comma == ',' && in >> hash; comma = static_cast<char>(in.get())) hashes.push_back(hash);
  return hashes;
}

fp::update_request read_update(const std::string& line) {
  fp::changes_encoder changes;
  std::istringstream parts(line);
  for (std::string part; std::getline(parts, part, ';');) {
    std::istringstream in(part);
    std::string kind, key, value;
    fp::document_id id = 0;
    in >> kind;
    if (kind == "set" && in >> key >> value) {
      changes.set_metadata(key, value);
    } else if (kind == "insert" && in >> id) {
      changes.insert(id, read_hashes(in));
    } else if (kind == "delete" && in >> id) {
      changes.erase(id);
    } else {
      throw fp::error(fp::errc::bad_request, "no change: " + part);
    }
  }
  fp::update_request request;
  request.changes = changes.take();
  return request;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: caf_writer PORT INDEX\n";
    return 2;
  }
  fp::system_config settings{2};
  caf::actor_system system{settings};
  fp::client_options where;
  where.port = static_cast<uint16_t>(std::atoi(argv[1]));
  fp::client node{system, where};
  for (std::string line; std::getline(std::cin, line);) {
    try {
      const auto done = node.update(argv[2], read_update(line));
      std::cout << "ok " << done.version << std::endl;
    } catch (const fp::error& e) {
      std::cout << "error " << to_string(e.code()) << ' ' << e.what() << std::endl;
    }
  }
  return 0;
}
