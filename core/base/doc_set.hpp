#pragma once

#include <cstdint>
#include <memory>
#include <roaring/roaring.hh>

namespace fp {

/// A compressed set of document ids. Const access is safe from many threads at once.
using doc_set = Roaring;
using doc_set_ptr = std::shared_ptr<const doc_set>;

}  // namespace fp
