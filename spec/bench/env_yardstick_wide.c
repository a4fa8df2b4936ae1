/* The plain loops once more, compiled for AVX2 or AVX-512 as this folder is; env_yardstick.c is compiled as
 * the product's environments are, for any x86-64 (cmake/bench.cmake). */
#define env_yardstick_new env_yardstick_wide_new
#define env_yardstick_free env_yardstick_wide_free
#define env_yardstick_reset env_yardstick_wide_reset
#define env_yardstick_step env_yardstick_wide_step
#include "bench/env_yardstick.c"
