// The smallest program that speaks with a node: identify [PORT]
#include <cstdlib>
#include <iostream>

#include "app/client/client.hpp"
#include "app/support/system_config.hpp"

int main(int argc, char** argv) {
  try {
    fp::system_config settings{2};
    caf::actor_system system{settings};
    fp::client_options where;
    if (argc > 1) where.port = static_cast<uint16_t>(std::atoi(argv[1]));
    fp::client node{system, where};

    node.create_index(fp::create_index_request{"example", false, {}});
    const std::vector<fp::hash_value> first{1001, 1002, 1003, 1004}, second{2001, 2002, 2003, 1004};
    node.insert("example", 1, first);
    node.insert("example", 2, second);

    fp::search_request heard;
    heard.query = std::vector<fp::hash_value>{1002, 1003, 1004};
    const auto answer = node.search("example", heard);
    for (size_t i = 0; i < answer.results.size(); i++) {
      const auto found = answer.results[i];
      std::cout << "document " << found.id << ": " << found.score << " of 3 hashes\n";
    }
    return 0;
  } catch (const fp::error& e) {
    std::cerr << "identify: " << e.what() << "\n";
    return 1;
  }
}
