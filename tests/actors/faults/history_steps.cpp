#include "tests/actors/faults/history.hpp"

namespace fp::test {

const std::vector<history::named_step>& history::script() {
  constexpr auto may_be = refusal::may_be;
  static const std::vector<named_step> all{
      {"create a",
       [](history& h) {
         h.create("a");
         h.come_to_rest();
       }},
      {"update a",
       [](history& h) {
         h.update("a");
         h.come_to_rest();
       }},
      {"update a, rotating",
       [](history& h) {
         for (int i = 0; i < 3; i++) h.update("a");
         h.come_to_rest();
       }},
      {"checkpoint a between its writes",
       [](history& h) {
         h.update("a");
         h.run_some();
         h.checkpoint("a");
         h.run_some();
         h.update("a");
         h.update("a");
         h.come_to_rest();
       }},
      {"create b while a is written to",
       [](history& h) {
         h.update("a");
         h.run_some();
         h.create("b");
         h.update("a");
         h.come_to_rest();
       }},
      {"update b and a",
       [](history& h) {
         for (const char* name : {"b", "a", "b"}) {
           h.update(name);
           h.run_some();
         }
       }},
      {"write to a, checkpoint and merge it, all at once",
       [](history& h) {
         h.update("a");
         h.checkpoint("a");
         h.run_some();
         h.update("a");
         h.merge("a");
         h.run_some();
         h.update("a");
         h.update("b");
         h.run_some();
       }},
      {"kill in the middle of that", [](history& h) { h.kill(); }},
      {"update a after the kill",
       [](history& h) {
         h.update("a");
         h.update("a");
         h.run_some();
       }},
      {"checkpoint a and b with writes on their way",
       [](history& h) {
         h.checkpoint("a");
         h.update("a");
         h.run_some();
         h.checkpoint("b");
         h.update("b");
         h.run_some();
         h.update("a");
         h.come_to_rest();
       }},
      {"merge a with writes on their way",
       [](history& h) {
         h.merge("a");
         h.run_some();
         h.update("a");
         h.update("b");
         h.run_some();
         h.update("a");
       }},
      {"write to a more than memory is to hold",
       [](history& h) {
         for (int i = 0; i < 6; i++) {
           h.update("a");
           h.run_some();
         }
         h.come_to_rest();
       }},
      {"delete b while it is written to",
       [](history& h) {
         h.update("b", may_be);
         h.checkpoint("b", may_be);
         h.run_some();
         h.erase("b");
         h.update("b", may_be);
         h.update("a");
         h.come_to_rest();
       }},
      {"update b, if it is there",
       [](history& h) {
         h.update("b");
         h.run_some();
       }},
      {"create b again",
       [](history& h) {
         h.create("b");
         h.come_to_rest();
       }},
      {"update the new b",
       [](history& h) {
         h.update("b");
         h.update("b");
         h.run_some();
       }},
      {"copy a to c while a is written to",
       [](history& h) {
         h.update("a");
         h.update("a");
         h.run_some();
         h.copy("a", "c");
         h.update("a");
         h.come_to_rest();
       }},
      {"update c",
       [](history& h) {
         h.update("c");
         h.run_some();
       }},
      {"restart with writes on their way",
       [](history& h) {
         h.update("a", may_be);
         h.update("b", may_be);
         h.checkpoint("c", may_be);
         h.run_some();
         h.update("c", may_be);
         h.close();
       }},
      {"update a after the restart",
       [](history& h) {
         h.update("a");
         h.run_some();
       }},
      {"checkpoint and merge everything",
       [](history& h) {
         for (const char* name : {"a", "b", "c"}) {
           h.checkpoint(name);
           h.merge(name);
           h.update(name);
         }
         h.run_some();
         h.update("c");
         h.come_to_rest();
       }},
      {"some time passes", [](history& h) { h.pass(std::chrono::seconds(10)); }},
      {"kill soon after some writes",
       [](history& h) {
         h.update("a");
         h.update("c");
         h.merge("c");
         h.run_some();
         h.update("a");
         h.run_some();
         h.kill();
       }},
      {"kill during the start", [](history& h) { h.kill_during_start(); }},
      {"update c after the kills",
       [](history& h) {
         h.update("c");
         h.update("c");
         h.run_some();
       }},
      {"delete c while it is checkpointed",
       [](history& h) {
         h.checkpoint("c", may_be);
         h.run_some();
         h.erase("c");
         h.update("b");
         h.come_to_rest();
       }},
      {"copy b to c",
       [](history& h) {
         h.copy("b", "c");
         h.come_to_rest();
       }},
      {"update c at last",
       [](history& h) {
         h.update("c");
         h.run_some();
       }},
      {"update a at last",
       [](history& h) {
         h.update("a");
         h.checkpoint("a");
         h.update("a");
         h.come_to_rest();
       }},
      {"restart at last", [](history& h) { h.close(); }},
  };
  return all;
}

}  // namespace fp::test
