/* Linear layers: forward with bias and activation, and the two gradients. Outputs narrower than a vector have
 * kernels of their own (policy heads, critics), whose vectors run along k: VW partial sums, added pairwise at
 * the end. */
#include "tensor/kernels/approx.h"
#include "tensor/kernels/gemm.h"

enum { NARROW_PACK = 4096 }; /* floats of the transposed weights of a narrow layer, on the stack */

INLINE vf dot_vector(vf acc, const float *x, const float *w, int64_t left) {
  return left >= VW ? vfma(vload(x), vload(w), acc) : vfma(vload_n(x, left), vload_n(w, left), acc);
}

INLINE vf dot(int64_t k, const float *x, const float *w) {
  vf acc = vzero();
  for (int64_t p = 0; p < k; p += VW) acc = dot_vector(acc, x + p, w + p, k - p);
  return acc;
}

/* s[i] = the dot products of four rows of x with one of w. */
INLINE __m128 dot_rows(int64_t k, const float *x, int64_t ldx, const float *w) {
  vf a0 = vzero(), a1 = a0, a2 = a0, a3 = a0;
  int64_t p = 0;
  for (; p + VW <= k; p += VW) {
    vf u = vload(w + p);
    a0 = vfma(vload(x + p), u, a0);
    a1 = vfma(vload(x + ldx + p), u, a1);
    a2 = vfma(vload(x + 2 * ldx + p), u, a2);
    a3 = vfma(vload(x + 3 * ldx + p), u, a3);
  }
  if (p < k) {
    int64_t left = k - p;
    vf u = vload_n(w + p, left);
    a0 = vfma(vload_n(x + p, left), u, a0);
    a1 = vfma(vload_n(x + ldx + p, left), u, a1);
    a2 = vfma(vload_n(x + 2 * ldx + p, left), u, a2);
    a3 = vfma(vload_n(x + 3 * ldx + p, left), u, a3);
  }
  return vsum4(a0, a1, a2, a3);
}

/* One row: up to four outputs at a time. */
INLINE __m128 dot_columns(int64_t k, const float *x, const float *wt, int64_t count) {
  vf a[4] = {vzero(), vzero(), vzero(), vzero()};
  for (int64_t j = 0; j < count && j < 4; j++) a[j] = dot(k, x, wt + j * k);
  return vsum4(a[0], a[1], a[2], a[3]);
}

INLINE void narrow_put(const gemm_epilogue *e, int64_t at, int64_t j, float s, float *y) {
  float v = e->bias ? s + e->bias[j] : s;
  if (e->pre) e->pre[at] = v;
  y[at] = e->add ? y[at] + v : v;
}

/* y (m, n) = x wtᵀ with wt (n, k), n < VW. The activation is the caller's. */
static void narrow(int64_t m, int64_t n, int64_t k, const float *x, int64_t ldx, const float *wt,
                   const gemm_epilogue *e, float *y) {
  float s[4];
  int64_t i = 0;
  for (; i + 4 <= m; i += 4) {
    for (int64_t j = 0; j < n; j++) {
      _mm_storeu_ps(s, dot_rows(k, x + i * ldx, ldx, wt + j * k));
      for (int64_t q = 0; q < 4; q++) narrow_put(e, (i + q) * n + j, j, s[q], y);
    }
  }
  for (; i < m; i++) {
    for (int64_t j = 0; j < n; j += 4) {
      int64_t count = n - j < 4 ? n - j : 4;
      _mm_storeu_ps(s, dot_columns(k, x + i * ldx, wt + j * k, count));
      for (int64_t q = 0; q < count; q++) narrow_put(e, i * n + j + q, j + q, s[q], y);
    }
  }
}

/* The same for rows too few to be worth a transpose: w (k, n) as it is, one chain for each p mod VW. */
static void narrow_rows(int64_t m, int64_t n, int64_t k, const float *x, int64_t ldx, const float *w,
                        const gemm_epilogue *e, float *y) {
  for (int64_t i = 0; i < m; i++, x += ldx) {
    vf acc[VW];
    float s[VW];
    for (int q = 0; q < VW; q++) acc[q] = vzero();
    int64_t p = 0;
    for (; p + VW <= k; p += VW) {
      UNROLL for (int q = 0; q < VW; q++) acc[q] = vfma(vset(x[p + q]), vload_n(w + (p + q) * n, n), acc[q]);
    }
    UNROLL for (int q = 0; q < VW; q++) {
      if (p + q < k) acc[q] = vfma(vset(x[p + q]), vload_n(w + (p + q) * n, n), acc[q]);
    }
    vstore(s, vfold(acc)); /* in the order of vsum4 */
    for (int64_t j = 0; j < n; j++) narrow_put(e, i * n + j, j, s[j], y);
  }
}

/* The choice looks at n and k alone, never at m: a row's bytes do not depend on its batch. */
static bool is_narrow(int64_t n, int64_t k) { return n == 1 || (n < VW && n * k <= NARROW_PACK); }

/* V vectors of one row of x w + b and its activation: a single observation's latency is all call and no
 * throughput, so this does without the tiles' machinery. */
INLINE void single_strip(int64_t n, int64_t k, const float *x, const float *w, const float *b, prl_unary act,
                         int V, float *pre, float *y) {
  vf acc[8];
  UNROLL for (int j = 0; j < V; j++) acc[j] = vzero();
  for (int64_t p = 0; p < k; p++, w += n) {
    vf s = vset(x[p]);
    UNROLL for (int j = 0; j < V; j++) acc[j] = vfma(s, vload(w + j * VW), acc[j]);
  }
  if (b) {
    UNROLL for (int j = 0; j < V; j++) acc[j] += vload(b + j * VW);
  }
  if (pre) {
    UNROLL for (int j = 0; j < V; j++) vstore(pre + j * VW, acc[j]);
  }
  if (act == PRL_TANH) {
    UNROLL for (int j = 0; j < V; j++) acc[j] = vtanh(acc[j]);
  } else if (act == PRL_RELU) {
    UNROLL for (int j = 0; j < V; j++) acc[j] = vrelu(acc[j]);
  }
  UNROLL for (int j = 0; j < V; j++) vstore(y + j * VW, acc[j]);
}

/* One row of a layer whose width is a multiple of two vectors. */
static void single_row(int64_t n, int64_t k, const float *x, const float *w, const gemm_epilogue *e,
                       float *y) {
  const float *b = e->bias;
  float *pre = e->pre;
  for (int64_t j = 0; j < n;) {
    int64_t step = n - j >= 8 * VW ? 8 * VW : n - j >= 4 * VW ? 4 * VW : 2 * VW;
    if (step == 8 * VW) {
      single_strip(n, k, x, w + j, b ? b + j : NULL, e->act, 8, pre ? pre + j : NULL, y + j);
    } else if (step == 4 * VW) {
      single_strip(n, k, x, w + j, b ? b + j : NULL, e->act, 4, pre ? pre + j : NULL, y + j);
    } else {
      single_strip(n, k, x, w + j, b ? b + j : NULL, e->act, 2, pre ? pre + j : NULL, y + j);
    }
    j += step;
  }
}

#define ACT_ENTRY(NAME, name) [PRL_##NAME] = PART(name),

void PART(linear)(int64_t m, int64_t n, int64_t k, const float *x, int64_t ldx, const float *w,
                  const float *b, prl_unary act, float *pre, float *y) {
  static void (*const acts[PRL_UNARY_COUNT])(int64_t, const float *, float *) = {EACH_UNARY(ACT_ENTRY)};
  gemm_epilogue e = {b, pre, gemm_fuses(act) ? act : PRL_IDENTITY, false};
  if (is_narrow(n, k)) {
    if (n == 1) {
      narrow(m, n, k, x, ldx, w, &e, y);
    } else if (m < 4) {
      narrow_rows(m, n, k, x, ldx, w, &e, y);
    } else {
      float packed[NARROW_PACK];
      PART(transpose)(k, n, w, packed);
      narrow(m, n, k, x, ldx, packed, &e, y);
    }
    if (act != PRL_IDENTITY) acts[act](m * n, y, y);
    return;
  }
  if (m == 1 && n % (2 * VW) == 0) {
    single_row(n, k, x, w, &e, y);
  } else {
    PART(gemm_rows)(m, n, k, x, ldx, w, n, &e, y, n);
  }
  if (!gemm_fuses(act)) acts[act](m * n, y, y);
}

void PART(linear_gx)(int64_t m, int64_t n, int64_t k, const float *gy, const float *w, bool add,
                     float *scratch, float *gx) {
  gemm_epilogue e = {NULL, NULL, PRL_IDENTITY, add};
  if (k < VW) {
    narrow(m, k, n, gy, n, w, &e, gx); /* the rows of w are those of (wᵀ)ᵀ */
    return;
  }
  PART(gemm_flipped)(m, k, n, gy, n, w, n, scratch, &e, gx, k);
}

/* V vectors of column sums, each a chain of its own: a single chain would wait for every addition. */
INLINE void sum_strip(int64_t m, int64_t n, const float *gy, bool add, int V, float *gb) {
  vf s[8];
  UNROLL for (int j = 0; j < V; j++) s[j] = vzero();
  for (int64_t i = 0; i < m; i++, gy += n) {
    UNROLL for (int j = 0; j < V; j++) s[j] += vload(gy + j * VW);
  }
  UNROLL for (int j = 0; j < V; j++) {
    if (add) s[j] += vload(gb + j * VW);
    vstore(gb + j * VW, s[j]);
  }
}

/* gb = or += the column sums of gy, rows in ascending order. */
static void column_sums(int64_t m, int64_t n, const float *gy, bool add, float *gb) {
  int64_t j = 0;
  for (; j + 8 * VW <= n; j += 8 * VW) sum_strip(m, n, gy + j, add, 8, gb + j);
  for (; j + VW <= n; j += VW) sum_strip(m, n, gy + j, add, 1, gb + j);
  if (j == n) return;
  vf s = vzero();
  for (int64_t i = 0; i < m; i++) s += vload_n(gy + i * n + j, n - j);
  if (add) s += vload_n(gb + j, n - j);
  vstore_n(gb + j, s, n - j);
}

/* gw for n < VW: its transpose, whose rows are long enough for vectors, a strip of k at a time. */
static void narrow_gw(int64_t m, int64_t n, int64_t k, const float *x, const float *gy, bool add, float *gw) {
  enum { STRIP = 64 };
  float t[STRIP * (VW - 1)];
  gemm_epilogue e = {NULL, NULL, PRL_IDENTITY, false};
  for (int64_t j = 0; j < k; j += STRIP) {
    int64_t width = k - j < STRIP ? k - j : STRIP;
    PART(gemm_columns)(n, width, m, gy, n, x + j, k, &e, t, STRIP);
    for (int64_t q = 0; q < width; q++) {
      for (int64_t i = 0; i < n; i++) {
        float *out = gw + (j + q) * n + i;
        *out = add ? *out + t[i * STRIP + q] : t[i * STRIP + q];
      }
    }
  }
}

void PART(linear_gw)(int64_t m, int64_t n, int64_t k, const float *x, const float *gy, bool add, float *gw,
                     float *gb) {
  gemm_epilogue e = {NULL, NULL, PRL_IDENTITY, add};
  if (n < VW && k >= VW) {
    narrow_gw(m, n, k, x, gy, add, gw);
  } else {
    PART(gemm_columns)(k, n, m, x, k, gy, n, &e, gw, n);
  }
  if (gb) column_sums(m, n, gy, add, gb);
}
