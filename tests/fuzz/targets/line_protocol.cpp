#include <algorithm>

#include "app/line/line_framer.hpp"
#include "app/line/line_session.hpp"
#include "core/search/search_limits.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace {

using namespace fp;

constexpr uint64_t budget_bytes = 1u << 14;
// Short enough for inputs to go beyond.
constexpr size_t max_line_bytes = 512;

/// Takes what a session asks for; every other piece of work fails, some of them with a text.
line_answer do_work(const line_work& work, size_t number) {
  if (const auto* commit = std::get_if<line_commit>(&work)) {
    fuzz::accepts([&] { validate_changes(*commit->changes, {}); }, {});
  }
  if (const auto* search = std::get_if<line_search>(&work)) {
    fuzz::require(!search->query.empty() && search->max_results > 0 && search->top_score_percent <= 100 &&
                      search->probes <= max_probes,
                  "a search out of bounds");
  }
  return {number % 2 == 0, number % 3 == 0 ? "text\r\nOK of another" : ""};
}

/// One connection's state, which is fed in pieces.
class conversation {
 public:
  explicit conversation(std::shared_ptr<byte_budget> budget)
      : budget_(std::move(budget)), session_({budget_bytes / 2, 1024}, budget_) {}

  void feed(std::string_view piece) {
    if (session_.is_over()) return;
    framer_.feed(piece);
    while (!session_.is_over()) {
      const auto line = framer_.next();
      if (!line) break;
      fuzz::require(line->size() <= max_line_bytes, "a line that is too long");
      take(*line);
    }
    if (framer_.is_too_long() && !session_.is_over()) session_.end("line too long", answers_);
    fuzz::require(session_.is_over() || framer_.waiting_bytes() <= max_line_bytes + 1, "more than a line waits");
  }
  const std::string& answers() const { return answers_; }

 private:
  void take(std::string_view line) {
    std::string answer;
    if (const auto work = session_.take(line, answer)) {
      fuzz::require(answer.empty(), "an answer before the work is done");
      session_.finish(do_work(*work, number_), answer);
    }
    number_++;
    fuzz::require(answer.starts_with("OK ") || answer.starts_with("ERR "), "no answer");
    fuzz::require(answer.ends_with("\r\n") && answer.find('\n') == answer.size() - 1, "not one line of answer");
    fuzz::require(budget_->used() <= budget_bytes, "more buffered than the budget has");
    answers_ += answer;
  }

  const std::shared_ptr<byte_budget> budget_;
  line_session session_;
  line_framer framer_{max_line_bytes};
  size_t number_ = 0;
  std::string answers_;
};

/// The answers to what a client sends. The bytes themselves say where the pieces end: after 1 to `most` of them.
std::string answers_to(std::string_view sent, size_t most) {
  const auto budget = std::make_shared<byte_budget>(budget_bytes);
  std::string answers;
  {
    conversation client(budget);
    while (!sent.empty()) {
      const size_t piece = std::min(sent.size(), 1 + static_cast<unsigned char>(sent[0]) % most);
      client.feed(sent.substr(0, piece));
      sent.remove_prefix(piece);
    }
    answers = client.answers();
  }
  fuzz::require(budget->used() == 0, "the session's end leaves bytes in the budget");
  return answers;
}

}  // namespace

/// What a client of the line protocol sends. Every line has one line of answer, the same ones in whatever pieces
/// the lines come, and nothing stays buffered.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view sent = fuzz::text_of(data, size);
  const std::string bytewise = answers_to(sent, 1);
  for (const size_t most : {size_t{7}, size_t{61}, size_t{251}}) {
    fuzz::require(answers_to(sent, most) == bytewise, "other answers to other pieces");
  }
  const auto budget = std::make_shared<byte_budget>(budget_bytes);
  conversation at_once(budget);
  at_once.feed(sent);
  fuzz::require(at_once.answers() == bytewise, "other answers to one piece");
  return 0;
}
