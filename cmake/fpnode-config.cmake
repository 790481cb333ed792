# Gives the target fpnode::client: the library by which C++ programs speak with a node.

include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(ZLIB)
find_dependency(OpenSSL)
find_dependency(nlohmann_json)
include(${CMAKE_CURRENT_LIST_DIR}/system_libraries.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/fpnode-targets.cmake)
