# Imported targets for the system libraries that ship without a CMake package. Installed with the client library.

function(fpnode_system_library name header library package)
  if(TARGET system::${name})
    return()
  endif()
  find_path(${name}_INCLUDE_DIR ${header})
  find_library(${name}_LIBRARY ${library})
  if(NOT ${name}_INCLUDE_DIR OR NOT ${name}_LIBRARY)
    message(FATAL_ERROR "${header} or lib${library} is missing: apt-get install ${package}")
  endif()
  add_library(system::${name} UNKNOWN IMPORTED)
  set_target_properties(system::${name} PROPERTIES
    IMPORTED_LOCATION ${${name}_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${${name}_INCLUDE_DIR})
endfunction()

fpnode_system_library(xxhash xxhash.h xxhash libxxhash-dev)
fpnode_system_library(roaring roaring/roaring.hh roaring libroaring-dev)
if(FPNODE_BENCH)
  # What benchmarks compare with. Its own CMake package asks for what the parts need that are not used: a web server and
  # a client.
  fpnode_system_library(prometheus prometheus/text_serializer.h prometheus-cpp-core prometheus-cpp-dev)
endif()
if(FPNODE_FUZZ OR NOT FPNODE_CORE_ONLY)
  fpnode_system_library(caf_core caf/all.hpp caf_core libcaf-dev)
endif()
if(NOT FPNODE_CORE_ONLY)
  fpnode_system_library(caf_io caf/io/all.hpp caf_io libcaf-dev)
  fpnode_system_library(caf_openssl caf/openssl/all.hpp caf_openssl libcaf-dev)
endif()
