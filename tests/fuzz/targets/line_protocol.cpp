#include "app/line/line_session.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace {

using namespace fp;

constexpr uint64_t budget_bytes = 1u << 14;

/// Takes what a session asks for; every other piece of work fails, some of them with a text.
line_answer do_work(const line_work& work, size_t number) {
  if (const auto* commit = std::get_if<line_commit>(&work)) {
    fuzz::accepts([&] { validate_changes(*commit->changes, {}); }, {});
  }
  if (const auto* search = std::get_if<line_search>(&work)) {
    fuzz::require(!search->query.empty() && search->max_results > 0 && search->top_score_percent <= 100,
                  "a search out of bounds");
  }
  return {number % 2 == 0, number % 3 == 0 ? "text\r\nOK of another" : ""};
}

/// Feeds a session the lines of what a client sends.
void run(std::string_view sent, const std::shared_ptr<byte_budget>& budget) {
  line_session session({budget_bytes / 2, 1024}, budget);
  for (size_t number = 0; !sent.empty() && !session.is_over(); number++) {
    const size_t end = std::min(sent.find('\n'), sent.size());
    std::string_view line = sent.substr(0, end);
    sent.remove_prefix(std::min(end + 1, sent.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    std::string answer;
    if (const auto work = session.take(line, answer)) {
      fuzz::require(answer.empty(), "an answer before the work is done");
      session.finish(do_work(*work, number), answer);
    }
    fuzz::require(answer.starts_with("OK ") || answer.starts_with("ERR "), "no answer");
    fuzz::require(answer.ends_with("\r\n") && answer.find('\n') == answer.size() - 1, "not one line of answer");
    fuzz::require(budget->used() <= budget_bytes, "more buffered than the budget has");
  }
}

}  // namespace

/// What a client of the line protocol sends. Every line has one line of answer, and nothing stays buffered.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto budget = std::make_shared<byte_budget>(budget_bytes);
  run(fuzz::text_of(data, size), budget);
  fuzz::require(budget->used() == 0, "the session's end leaves bytes in the budget");
  return 0;
}
