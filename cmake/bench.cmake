# perilune_bench: the rows of `perilune bench`, product beside yardstick (spec/bench). The libraries
# that only the yardsticks use are taken where they are installed.
find_library(SLEEF_LIBRARY sleef)
find_library(LIBXSMM_LIBRARY xsmm)
find_library(LIBMVEC_LIBRARY mvec)
find_path(LIBXSMM_INCLUDE libxsmm.h)

file(GLOB PERILUNE_BENCH CONFIGURE_DEPENDS spec/bench/*.c)
add_executable(perilune_bench ${PERILUNE_BENCH})
# As the product's environments are compiled; env_yardstick_avx2.c is the same source with AVX2.
set_source_files_properties(spec/bench/env_yardstick.c PROPERTIES COMPILE_OPTIONS "-mno-fma;-mno-avx2;-mno-avx")
target_include_directories(perilune_bench PRIVATE runtime spec ${OPENBLAS_INCLUDE})
target_compile_options(perilune_bench PRIVATE ${PERILUNE_WARNINGS} -O3 -mavx2 -mfma -ffp-contract=off -fno-math-errno -fno-trapping-math)
target_compile_definitions(perilune_bench PRIVATE PRL_AVX2=1 BENCH_ROOT="${CMAKE_CURRENT_SOURCE_DIR}")
target_link_libraries(perilune_bench PRIVATE perilune_static PkgConfig::LUAJIT)
set_target_properties(perilune_bench PROPERTIES ENABLE_EXPORTS ON) # C modules of Lua find its functions here
if(SLEEF_LIBRARY)
  target_compile_definitions(perilune_bench PRIVATE HAVE_SLEEF=1)
  target_link_libraries(perilune_bench PRIVATE ${SLEEF_LIBRARY})
elseif(LIBMVEC_LIBRARY)
  target_link_libraries(perilune_bench PRIVATE ${LIBMVEC_LIBRARY})
endif()
if(LIBXSMM_LIBRARY AND LIBXSMM_INCLUDE)
  target_compile_definitions(perilune_bench PRIVATE HAVE_LIBXSMM=1)
  target_include_directories(perilune_bench SYSTEM PRIVATE ${LIBXSMM_INCLUDE})
  target_link_libraries(perilune_bench PRIVATE ${LIBXSMM_LIBRARY} ${OPENBLAS_LIBRARY} pthread)
endif()
