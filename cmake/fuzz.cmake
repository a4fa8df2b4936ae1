# `cmake --preset fuzz`: the library with clang's libFuzzer, ASan and UBSan, and an executable for each target of spec/fuzz
# (spec/fuzz/run builds and runs them).
# The kernels are compiled plain: with the fuzzer's counters in each of their loops they take minutes.
foreach(table ${PERILUNE_TABLES})
  target_compile_options(perilune_kernels_${table} PRIVATE -fno-sanitize=all)
endforeach()
file(GLOB PERILUNE_FUZZ_TARGETS CONFIGURE_DEPENDS spec/fuzz/*_fuzz.c)
foreach(file ${PERILUNE_FUZZ_TARGETS})
  get_filename_component(name ${file} NAME_WE)
  add_executable(${name} ${file})
  target_include_directories(${name} PRIVATE runtime spec ${LUAJIT_INCLUDE_DIRS})
  target_compile_definitions(${name} PRIVATE _GNU_SOURCE) # memfd_create
  target_link_libraries(${name} PRIVATE perilune_static)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
endforeach()
