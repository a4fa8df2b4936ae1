# Tests of the build itself: the public headers as C++, and the installed package as its users meet it.
find_program(PERILUNE_CXX NAMES c++ g++ clang++)
if(PERILUNE_CXX)
  file(GLOB headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/runtime/include/perilune/*.h)
  foreach(header ${headers})
    get_filename_component(name ${header} NAME_WE)
    add_test(NAME cxx_${name} COMMAND ${PERILUNE_CXX} -std=c++11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only
      -x c++ -I ${CMAKE_CURRENT_SOURCE_DIR}/runtime/include ${header})
  endforeach()
endif()

if(PERILUNE_INSTALL AND TARGET perilune AND CMAKE_BUILD_TYPE STREQUAL "Release")
  add_test(NAME install COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/spec/install/install_test
    ${CMAKE_CURRENT_BINARY_DIR} ${CMAKE_COMMAND})
endif()

# Beside logs that few machines have: where they are absent, ctest lists the test among those that did not run.
set_tests_properties(kuairand_log_test PROPERTIES SKIP_REGULAR_EXPRESSION "SKIPPED:")

# The threaded host of the examples, as ThreadSanitizer sees it too (.ci/run).
file(GLOB threaded_host CONFIGURE_DEPENDS examples/threaded_host/*.c)
add_executable(threaded_host ${threaded_host})
target_compile_options(threaded_host PRIVATE ${PERILUNE_WARNINGS})
target_link_libraries(threaded_host PRIVATE perilune_static PkgConfig::LUAJIT pthread)
add_test(NAME threaded_host COMMAND threaded_host 200 ${CMAKE_CURRENT_SOURCE_DIR}/examples/threaded_host)
set_tests_properties(threaded_host PROPERTIES PASS_REGULAR_EXPRESSION "at the end: watch")
