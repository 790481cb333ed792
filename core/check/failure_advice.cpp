#include "core/check/failure_advice.hpp"

namespace fp {

std::string failure_advice(errc cause, const std::string& index) {
  const std::string reload = "fpctl reload " + index;
  switch (cause) {
    case errc::corrupt_data:
      return "put the file back as it was, or restore a backup; without one, fpctl check names all that is damaged "
             "and fpctl repair drops it, with the node stopped. Then: " +
             reload;
    case errc::unsupported_format:
      return "a newer fpnode has written this: start that one";
    case errc::io_error:
      return "see that the file is there and that the node's user may read it, then: " + reload;
    case errc::no_space:
      return "make room on the disk, then: " + reload;
    case errc::overloaded:
      return "give the node more memory, threads or descriptors, or load fewer indexes at a time, then: " + reload;
    default:
      return "the node's log tells more; another try: " + reload;
  }
}

std::string parked_advice(const std::string& index) {
  return "if the changelog is right, discard this copy and take a new one: fpctl resync " + index;
}

}  // namespace fp
