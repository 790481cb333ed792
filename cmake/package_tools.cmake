# Read by CPack. Without these it would write a package that depends on nothing.

foreach(tool dpkg-shlibdeps file)
  find_program(${tool}_PROGRAM ${tool})
  if(NOT ${tool}_PROGRAM)
    message(FATAL_ERROR "${tool} is missing: apt-get install dpkg-dev file")
  endif()
endforeach()
