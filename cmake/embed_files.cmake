# embed_files(VARIABLE FILE...) makes a source file that holds the files' bytes, as app/api/page_files.hpp declares
# them, and sets VARIABLE to its path. The source is written by this script again (cmake -P), whenever a file changes.

if(NOT CMAKE_SCRIPT_MODE_FILE)
  set(embed_files_script ${CMAKE_CURRENT_LIST_FILE})
  function(embed_files variable)
    set(output ${PROJECT_BINARY_DIR}/generated/page_files.cpp)
    add_custom_command(
      OUTPUT ${output}
      COMMAND ${CMAKE_COMMAND} "-DFILES=${ARGN}" -DOUTPUT=${output} -P ${embed_files_script}
      DEPENDS ${ARGN} ${embed_files_script}
      COMMENT "Embedding the operator's page"
      VERBATIM)
    set(${variable} ${output} PARENT_SCOPE)
  endfunction()
  return()
endif()

set(rows "")
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME)
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
  string(MAKE_C_IDENTIFIER ${name} identifier)
  string(APPEND definitions "constexpr unsigned char ${identifier}[] = {${bytes}};\n")
  string(APPEND rows "    {\"${name}\", ${identifier}, sizeof ${identifier}},\n")
endforeach()
file(WRITE ${OUTPUT} "#include \"app/api/page_files.hpp\"

namespace fp {
namespace {
${definitions}
constexpr embedded_file files[] = {
${rows}};
}  // namespace

std::span<const embedded_file> embedded_files() { return files; }
}  // namespace fp
")
