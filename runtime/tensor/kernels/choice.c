/* Choices, element by element: comparisons, bounds, and what follows one of two. A comparison gives a vector
 * of bits, so that nothing branches on the data. */
#include "tensor/kernels/parts.h"
#include "tensor/kernels/vec.h"

/* VW elements from i on, or the `left` that there are; step 0: one element stands for all. */
INLINE vf take(const float *p, int64_t step, int64_t i, int64_t left) {
  if (!step) return vset(*p);
  return left >= VW ? vload(p + i) : vload_n(p + i, left);
}
INLINE void put(float *p, vf x, int64_t i, int64_t left) {
  if (left >= VW) {
    vstore(p + i, x);
  } else {
    vstore_n(p + i, x, left);
  }
}
#define EACH_VECTOR(i, left) for (int64_t i = 0, left; (left = n - i) > 0; i += VW)

#define RELATION(name, expression)                                                                           \
  void PART(name)(int64_t n, const float *pa, int64_t sa, const float *pb, int64_t sb, float *y) {           \
    EACH_VECTOR(i, left) {                                                                                   \
      vf a = take(pa, sa, i, left), b = take(pb, sb, i, left);                                               \
      put(y, vand(expression, vset(1)), i, left);                                                            \
    }                                                                                                        \
  }
RELATION(gt, vlt(b, a))
RELATION(ge, vle(b, a))
RELATION(lt, vlt(a, b))
RELATION(le, vle(a, b))
RELATION(eq, veq(a, b))

void PART(choose)(int64_t n, const float *mask, int64_t sm, const float *a, int64_t sa, const float *b,
                  int64_t sb, float *y) {
  EACH_VECTOR(i, left) {
    vf no = veq(take(mask, sm, i, left), vzero());
    put(y, vpick(no, take(b, sb, i, left), take(a, sa, i, left)), i, left);
  }
}

/* vmax and vmin give the second argument where it is NaN. */
void PART(clamp)(int64_t n, const float *x, float low, float high, float *y) {
  EACH_VECTOR(i, left) put(y, vmin(vset(high), vmax(vset(low), take(x, 1, i, left))), i, left);
}

void PART(clamp_grad)(int64_t n, const float *x, float low, float high, const float *g, float *y) {
  EACH_VECTOR(i, left) {
    vf v = take(x, 1, i, left), inside = vand(vle(vset(low), v), vle(v, vset(high)));
    put(y, vand(inside, take(g, 1, i, left)), i, left);
  }
}

void PART(greater_grad)(int64_t n, const float *pa, int64_t sa, const float *pb, int64_t sb, const float *g,
                        float *y) {
  EACH_VECTOR(i, left) {
    vf a = take(pa, sa, i, left), b = take(pb, sb, i, left), all = take(g, 1, i, left);
    vf half = vand(veq(a, b), all * vset(.5f));
    put(y, vpick(vlt(b, a), all, half), i, left);
  }
}
