# perilune_bench: the rows of `perilune bench`, product beside yardstick (spec/bench). It is compiled once for AVX2 and once
# for AVX-512, so that the yardsticks are as wide as the product; the first begins the second (spec/bench/settle.h). The
# libraries that only the yardsticks use are taken where they are installed.
find_library(SLEEF_LIBRARY sleef)
find_library(LIBXSMM_LIBRARY xsmm)
find_library(LIBMVEC_LIBRARY mvec)
find_path(LIBXSMM_INCLUDE libxsmm.h)

file(GLOB PERILUNE_BENCH CONFIGURE_DEPENDS spec/bench/*.c)
# As the product's environments are compiled; env_yardstick_wide.c is the same source as wide as the rest.
set_source_files_properties(spec/bench/env_yardstick.c PROPERTIES
  COMPILE_OPTIONS "-mno-fma;-mno-avx2;-mno-avx;-mno-avx512f")
foreach(table avx2 avx512)
  set(bench perilune_bench_${table})
  if(table STREQUAL avx2)
    set(bench perilune_bench)
  endif()
  string(TOUPPER PRL_${table} define)
  add_executable(${bench} ${PERILUNE_BENCH})
  target_include_directories(${bench} PRIVATE runtime spec ${OPENBLAS_INCLUDE})
  target_compile_options(${bench} PRIVATE ${PERILUNE_WARNINGS} -O3 ${PERILUNE_FLAGS_${table}} -ffp-contract=off -fno-math-errno -fno-trapping-math)
  target_compile_definitions(${bench} PRIVATE ${define}=1 BENCH_ROOT="${CMAKE_CURRENT_SOURCE_DIR}")
  target_link_libraries(${bench} PRIVATE ${PERILUNE_TESTED} PkgConfig::LUAJIT ${OPENBLAS_LIBRARY})
  set_target_properties(${bench} PROPERTIES ENABLE_EXPORTS ON) # C modules of Lua find its functions here
  if(SLEEF_LIBRARY)
    target_compile_definitions(${bench} PRIVATE HAVE_SLEEF=1)
    target_link_libraries(${bench} PRIVATE ${SLEEF_LIBRARY})
  elseif(LIBMVEC_LIBRARY)
    target_link_libraries(${bench} PRIVATE ${LIBMVEC_LIBRARY})
  endif()
  if(LIBXSMM_LIBRARY AND LIBXSMM_INCLUDE)
    target_compile_definitions(${bench} PRIVATE HAVE_LIBXSMM=1)
    target_include_directories(${bench} SYSTEM PRIVATE ${LIBXSMM_INCLUDE})
    target_link_libraries(${bench} PRIVATE ${LIBXSMM_LIBRARY} pthread)
  endif()
endforeach()
