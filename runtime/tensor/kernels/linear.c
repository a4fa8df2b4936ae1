/* Linear layers: forward with bias and activation, and the two gradients. Outputs narrower than a vector have
 * kernels of their own (policy heads, critics), whose vectors run along k: VW partial sums, added pairwise at
 * the end. */
#include "tensor/kernels/approx.h"
#include "tensor/kernels/gemm.h"

enum { NARROW_PACK = 4096 }; /* floats of the transposed weights of a narrow layer, on the stack */

typedef struct narrow_args {
  int64_t n, k;
  const float *x;
  int64_t ldx;
  const float *wt; /* (n, k) */
  const gemm_epilogue *e;
  float *y;
} narrow_args;

INLINE void narrow_put(const gemm_epilogue *e, int64_t at, int64_t j, float s, float *y) {
  float v = e->bias ? s + e->bias[j] : s;
  if (e->pre) e->pre[at] = v;
  y[at] = e->add ? y[at] + v : v;
}

INLINE void narrow_put4(const gemm_epilogue *e, int64_t at, int64_t j, __m128 v, float *y) {
  if (e->bias) v += _mm_loadu_ps(e->bias + j);
  if (e->pre) _mm_storeu_ps(e->pre + at, v);
  if (e->add) v += _mm_loadu_ps(y + at);
  _mm_storeu_ps(y + at, v);
}

/* R C ≤ VW dot products of R rows of x with C of w: acc[r C + c]. */
INLINE void narrow_step(const narrow_args *t, const float *x, const float *w, int R, int C, int64_t left,
                        vf *acc) {
  vf u[4];
  bool whole = left >= VW;
  UNROLL for (int c = 0; c < C; c++) u[c] = whole ? vload(w + c * t->k) : vload_n(w + c * t->k, left);
  UNROLL for (int r = 0; r < R; r++) {
    const float *row = x + r / 4 * (4 * t->ldx) + r % 4 * t->ldx;
    vf v = whole ? vload(row) : vload_n(row, left);
    UNROLL for (int c = 0; c < C; c++) acc[r * C + c] = vfma(v, u[c], acc[r * C + c]);
  }
}

/* Rows i … i + R − 1 of columns j … j + C − 1. */
INLINE void narrow_block(const narrow_args *t, int64_t i, int64_t j, int R, int C) {
  vf acc[VW];
  const float *x = t->x + i * t->ldx, *w = t->wt + j * t->k;
  int64_t p = 0;
  UNROLL for (int q = 0; q < VW; q++) acc[q] = vzero();
  for (; p + VW <= t->k; p += VW) narrow_step(t, x + p, w + p, R, C, VW, acc);
  if (p < t->k) narrow_step(t, x + p, w + p, R, C, t->k - p, acc);
  vf sums = vsums(acc);
  const gemm_epilogue *e = t->e;
  if (C == t->n && R * C == VW && !e->pre && !e->add && (C == 1 || !e->bias)) {
    if (e->bias) sums += vset(e->bias[0]);
    vstore(t->y + i * t->n, sums);
    return;
  }
  float s[VW];
  vstore(s, sums);
  for (int r = 0; r < R; r++) {
    int64_t at = (i + r) * t->n + j;
    if (C == 4) {
      narrow_put4(e, at, j, _mm_loadu_ps(s + r * C), t->y);
    } else {
      for (int c = 0; c < C; c++) narrow_put(e, at + c, j + c, s[r * C + c], t->y);
    }
  }
}

/* R rows at a time, each with all of its columns while it is in the first cache, C at a time; then the rest
 * of the rows one by one. */
INLINE void narrow_all(const narrow_args *t, int64_t m, int R, int C) {
  for (int64_t i = 0; i < m;) {
    int64_t j = 0, n = t->n;
    if (i + R <= m) {
      for (; j + C <= n; j += C) narrow_block(t, i, j, R, C);
      for (; j < n; j++) narrow_block(t, i, j, R, 1);
      i += R;
    } else {
      for (; j + C <= n; j += C) narrow_block(t, i, j, 1, C);
      for (; j < n; j++) narrow_block(t, i, j, 1, 1);
      i++;
    }
  }
}

/* y (m, n) = x wtᵀ with wt (n, k), n < VW. The activation is the caller's. */
static void narrow(int64_t m, int64_t n, int64_t k, const float *x, int64_t ldx, const float *wt,
                   const gemm_epilogue *e, float *y) {
  const narrow_args t = {n, k, x, ldx, wt, e, y};
  if (n >= 4) {
    narrow_all(&t, m, VW / 4, 4);
  } else if (n >= 2) {
    narrow_all(&t, m, VW / 2, 2);
  } else {
    narrow_all(&t, m, VW, 1);
  }
}

#ifdef PRL_AVX512
/* The upper half of the first `width` lanes onto the lower half. */
INLINE vf halve(vf v, int width) {
  if (width == 16) return v + _mm512_shuffle_f32x4(v, v, 0xee);
  if (width == 8) return v + _mm512_shuffle_f32x4(v, v, 0x55);
  return v + (width == 4 ? _mm512_permute_ps(v, 0xee) : _mm512_permute_ps(v, 0x55));
}

/* One row, n = 1, 2, 4 or 8: rows of w lie one after the other, so that a vector holds 16 / n of them and a
 * lane is one p of one output. The order of additions is that of vsums. */
INLINE void narrow_row(int n, int64_t k, const float *x, const float *w, const gemm_epilogue *e, int64_t at,
                       float *y) {
  vf acc[8];
  vi place[8], lane;
  float s[VW];
  for (int l = 0; l < VW; l++) lane[l] = l;
  UNROLL for (int q = 0; q < n; q++) acc[q] = vzero(), place[q] = (lane + q * VW) / n;
  for (int64_t p = 0; p < k; p += VW, w += n * VW) {
    bool whole = k - p >= VW;
    vf v = whole ? vload(x + p) : vload_n(x + p, k - p);
    UNROLL for (int q = 0; q < n; q++) {
      int64_t left = (k - p) * n - q * VW;
      if (left <= 0) break;
      vf u = left >= VW ? vload(w + q * VW) : vload_n(w + q * VW, left);
      acc[q] = vfma(_mm512_permutexvar_ps((__m512i)place[q], v), u, acc[q]);
    }
  }
  for (int count = n / 2; count > 0; count /= 2) {
    UNROLL for (int q = 0; q < count; q++) acc[q] += acc[q + count];
  }
  UNROLL for (int width = VW; width > n; width /= 2) acc[0] = halve(acc[0], width);
  vstore(s, acc[0]);
  for (int j = 0; j < n; j++) narrow_put(e, at + j, j, s[j], y);
}

static bool narrow_by_rows(int64_t m, int64_t n, int64_t k, const float *x, int64_t ldx, const float *w,
                           const gemm_epilogue *e, float *y) {
  for (int64_t i = 0; i < m; i++, x += ldx) {
    switch (n) {
    case 1:
      narrow_row(1, k, x, w, e, i, y);
      break;
    case 2:
      narrow_row(2, k, x, w, e, 2 * i, y);
      break;
    case 4:
      narrow_row(4, k, x, w, e, 4 * i, y);
      break;
    case 8:
      narrow_row(8, k, x, w, e, 8 * i, y);
      break;
    default:
      return false;
    }
  }
  return true;
}
#else
static bool narrow_by_rows(int64_t m, int64_t n, int64_t k, const float *x, int64_t ldx, const float *w,
                           const gemm_epilogue *e, float *y) {
  return false;
}
#endif

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
    vstore(s, vfold(acc)); /* in the order of vsums */
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
  gemm_epilogue e = {.bias = b, .pre = pre, .act = gemm_fuses(act) ? act : PRL_IDENTITY};
  if (is_narrow(n, k)) {
    if (m < 4 && narrow_by_rows(m, n, k, x, ldx, w, &e, y)) {
    } else if (n == 1) {
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

#define GRAD_ENTRY(NAME, name) [PRL_##NAME] = PART(name##_grad),

void PART(linear_gx)(int64_t m, int64_t n, int64_t k, const float *gy, const float *w, bool add,
                     prl_unary slope, const float *of, float *scratch, float *gx) {
  static void (*const grads[PRL_UNARY_COUNT])(int64_t, const float *, const float *, const float *, bool,
                                              float *) = {EACH_UNARY(GRAD_ENTRY)};
  bool fused = k >= VW && gemm_fuses(slope);
  gemm_epilogue e = {.act = PRL_IDENTITY, .add = add, .slope = fused ? slope : PRL_IDENTITY, .of = of};
  if (k < VW) {
    narrow(m, k, n, gy, n, w, &e, gx); /* the rows of w are those of (wᵀ)ᵀ */
  } else {
    PART(gemm_flipped)(m, k, n, gy, n, w, n, scratch, &e, gx, k);
  }
  if (!fused && slope != PRL_IDENTITY) grads[slope](m * k, NULL, of, gx, false, gx);
}

/* V vectors of column sums, each a chain of its own: a single chain would wait for every addition. */
INLINE void sum_strip(int64_t m, int64_t n, const float *gy, bool add, bool resume, int V, float *gb) {
  vf s[8];
  UNROLL for (int j = 0; j < V; j++) s[j] = resume ? vload(gb + j * VW) : vzero();
  for (int64_t i = 0; i < m; i++, gy += n) {
    UNROLL for (int j = 0; j < V; j++) s[j] += vload(gy + j * VW);
  }
  UNROLL for (int j = 0; j < V; j++) {
    if (add) s[j] += vload(gb + j * VW);
    vstore(gb + j * VW, s[j]);
  }
}

/* gb = or += the column sums of gy, rows in ascending order. */
static void column_sums(int64_t m, int64_t n, const float *gy, bool add, bool resume, float *gb) {
  int64_t j = 0;
  for (; j + 8 * VW <= n; j += 8 * VW) sum_strip(m, n, gy + j, add, resume, 8, gb + j);
  for (; j + 4 * VW <= n; j += 4 * VW) sum_strip(m, n, gy + j, add, resume, 4, gb + j);
  for (; j + 2 * VW <= n; j += 2 * VW) sum_strip(m, n, gy + j, add, resume, 2, gb + j);
  for (; j + VW <= n; j += VW) sum_strip(m, n, gy + j, add, resume, 1, gb + j);
  if (j == n) return;
  vf s = resume ? vload_n(gb + j, n - j) : vzero();
  for (int64_t i = 0; i < m; i++) s += vload_n(gy + i * n + j, n - j);
  if (add) s += vload_n(gb + j, n - j);
  vstore_n(gb + j, s, n - j);
}

/* gw for n < VW: its transpose, whose rows are long enough for vectors, a strip of k at a time. */
static void narrow_gw(int64_t m, int64_t n, int64_t k, const float *x, const float *gy, bool add, bool resume,
                      float *gw) {
  enum { STRIP = 64 };
  float t[STRIP * (VW - 1)];
  gemm_epilogue e = {.act = PRL_IDENTITY, .resume = resume};
  for (int64_t j = 0; j < k; j += STRIP) {
    int64_t width = k - j < STRIP ? k - j : STRIP;
    for (int64_t q = 0; resume && q < width; q++) {
      for (int64_t i = 0; i < n; i++) t[i * STRIP + q] = gw[(j + q) * n + i];
    }
    PART(gemm_columns)(n, width, m, gy, n, x + j, k, &e, t, STRIP);
    for (int64_t q = 0; q < width; q++) {
      for (int64_t i = 0; i < n; i++) {
        float *out = gw + (j + q) * n + i;
        *out = add ? *out + t[i * STRIP + q] : t[i * STRIP + q];
      }
    }
  }
}

void PART(linear_gw)(int64_t m, int64_t n, int64_t k, const float *x, const float *gy, prl_into into,
                     float *gw, float *gb) {
  bool add = into == PRL_INTO_ADD, resume = into == PRL_INTO_RESUME;
  gemm_epilogue e = {.act = PRL_IDENTITY, .add = add, .resume = resume};
  if (n < VW && k >= VW) {
    narrow_gw(m, n, k, x, gy, add, resume, gw);
  } else {
    PART(gemm_columns)(k, n, m, x, k, gy, n, &e, gw, n);
  }
  if (gb) column_sums(m, n, gy, add, resume, gb);
}
