#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <roaring/roaring.hh>
#include <span>
#include <vector>

#include "core/base/types.hpp"

namespace fp {

/// A compressed set of document ids. Const access is safe from many threads at once.
using doc_set = Roaring;
using doc_set_ptr = std::shared_ptr<const doc_set>;

/// Makes sets from ids that ascend. Several times faster than adding them when they lie far apart. An object keeps
/// its memory between calls: about half of the largest set's ids.
class doc_set_maker {
 public:
  doc_set make(std::span<const document_id> ascending);

 private:
  struct head {
    uint16_t key, count_less_one;
  };

  std::vector<head> heads_;
  std::vector<std::byte> bytes_;
};

}  // namespace fp
