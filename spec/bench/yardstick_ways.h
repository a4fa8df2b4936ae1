/* The implementations that compete for each product of matrices, and tanh of other libraries. */
#ifndef SPEC_BENCH_YARDSTICK_WAYS_H
#define SPEC_BENCH_YARDSTICK_WAYS_H

#include "bench/yardstick.h"

enum { WAY_OWN, WAY_OPENBLAS, WAY_LIBXSMM };
int way_count(void); /* 3 where libxsmm is linked, else 2 */

/* y = act(x w + b), b may be NULL (as gb below), activation identity or tanh: the shared part is the own
 * tanh, the fastest one of ≤ 4 ulp.
 */
void way_forward(int way, const prl_kernels *k, int64_t m, int64_t n, int64_t d, const float *x,
                 const float *w, const float *b, prl_unary act, float *y);
void way_gx(int way, const prl_kernels *k, int64_t m, int64_t n, int64_t d, const float *gy, const float *w,
            float *scratch, float *gx);
void way_gw(int way, const prl_kernels *k, int64_t m, int64_t n, int64_t d, const float *x, const float *gy,
            float *gw, float *gb);

void library_tanh(int64_t n, const float *x, float *y); /* SLEEF u35 or libmvec */

#endif
