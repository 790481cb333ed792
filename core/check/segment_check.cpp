#include "core/check/segment_check.hpp"

#include <vector>

#include "core/base/error.hpp"
#include "core/merge/posting_source.hpp"
#include "core/segment/stored_segment.hpp"

namespace fp {

void check_postings(const segment& s, const std::string& name, const cancel_flag* cancel) {
  const doc_set live = s.documents() - s.tombstones();
  const document_filter documents(live);
  const document_filter none;
  const auto source = make_posting_source(s, none);
  std::vector<posting> block(4096);
  uint64_t number = 0;
  posting last = 0;
  const auto fail = [&](const std::string& what) {
    s.require_readable();
    throw error(errc::corrupt_data, name + ": posting " + std::to_string(number) + ": " + what);
  };
  for (;;) {
    throw_if_cancelled(cancel, name);
    const size_t count = source->read(block);
    if (count == 0) break;
    for (size_t i = 0; i < count; i++, number++) {
      if (number > 0 && block[i] <= last) fail("not in order");
      last = block[i];
      if ((posting_hash(last) & ~s.hash_mask()) != 0) fail("its hash does not fit the segment's mask");
      if (!documents.contains(posting_document(last))) {
        fail("document " + std::to_string(posting_document(last)) + " is not in the segment");
      }
    }
  }
  if (number != s.info().num_postings) fail("the last one, expected " + std::to_string(s.info().num_postings));
  s.require_readable();
}

}  // namespace fp
