/* The micro-kernels: R rows of V vectors of c stay in registers while p runs over k. Six rows of two vectors
 * keep both multiply-add pipes busy; few rows take more vectors, so that there are always enough independent
 * chains. */
#include "tensor/kernels/gemm.h"

#include "tensor/kernels/approx.h"

typedef struct tile_args {
  int64_t k;
  const float *a;
  int64_t lda;
  const float *b;
  int64_t ldb;
  float *c;
  int64_t ldc;
  int64_t column; /* of c's first element: where bias and pre begin */
  int64_t row;
  int64_t last; /* lanes of the last vector, where it is a part */
  const gemm_epilogue *e;
} tile_args;

static __attribute__((noinline)) void tanh_tile(vf *t, int count) {
  for (int i = 0; i < count; i++) t[i] = vtanh(t[i]);
}

INLINE vf tile_load(const float *p, bool part, int64_t lanes) { return part ? vload_n(p, lanes) : vload(p); }
INLINE void tile_store(float *p, vf x, bool part, int64_t lanes) {
  if (part) {
    vstore_n(p, x, lanes);
  } else {
    vstore(p, x);
  }
}

INLINE void tile_finish(const tile_args *t, vf *acc, int R, int V, bool part) {
  const gemm_epilogue *e = t->e;
  vf floor = vset(e->act == PRL_RELU ? 0.0f : -INFINITY);
  if (e->bias) {
    for (int j = 0; j < V; j++) {
      vf bias = tile_load(e->bias + t->column + j * VW, part && j == V - 1, t->last);
      for (int i = 0; i < R; i++) acc[i * V + j] += bias;
    }
  }
  if (e->pre) {
    float *pre = e->pre + t->row * t->ldc + t->column;
    for (int i = 0; i < R; i++) {
      for (int j = 0; j < V; j++) {
        tile_store(pre + i * t->ldc + j * VW, acc[i * V + j], part && j == V - 1, t->last);
      }
    }
  }
  if (e->act == PRL_TANH) {
    vf copy[16];
    for (int i = 0; i < R * V; i++) copy[i] = acc[i];
    tanh_tile(copy, R * V);
    for (int i = 0; i < R * V; i++) acc[i] = copy[i];
  }
  for (int i = 0; i < R; i++) {
    for (int j = 0; j < V; j++) {
      float *c = t->c + i * t->ldc + j * VW;
      bool cut = part && j == V - 1;
      vf y = vmax(floor, acc[i * V + j]);
      if (e->add) y += tile_load(c, cut, t->last);
      tile_store(c, y, cut, t->last);
    }
  }
}

/* along: a's elements of one row of c are adjacent (gemm_rows), not lda apart. */
INLINE void tile_run(const tile_args *t, int R, int V, bool part, bool along) {
  vf acc[16];
  const float *a = t->a, *b = t->b;
  int64_t lda = t->lda, ldb = t->ldb, k = t->k, last = t->last;
  for (int i = 0; i < R * V; i++) acc[i] = vzero();
  for (int64_t p = 0; p < k; p++) {
    vf row[8];
    for (int j = 0; j < V; j++) row[j] = tile_load(b + j * VW, part && j == V - 1, last);
    for (int i = 0; i < R; i++) {
      vf s = vset(along ? a[i * lda] : a[i]);
      for (int j = 0; j < V; j++) acc[i * V + j] = vfma(s, row[j], acc[i * V + j]);
    }
    a += along ? 1 : lda;
    b += ldb;
  }
  tile_finish(t, acc, R, V, part);
}

typedef void (*tile_fn)(const tile_args *t);

#define TILE(R, V)                                                                                           \
  static void rows_##R##_##V(const tile_args *t) { tile_run(t, R, V, false, true); }                         \
  static void rows_##R##_##V##_part(const tile_args *t) { tile_run(t, R, V, true, true); }                   \
  static void columns_##R##_##V(const tile_args *t) { tile_run(t, R, V, false, false); }                     \
  static void columns_##R##_##V##_part(const tile_args *t) { tile_run(t, R, V, true, false); }
#define EACH_TILE(X)                                                                                         \
  X(1, 1)                                                                                                    \
  X(1, 2)                                                                                                    \
  X(1, 4) X(1, 8) X(2, 1) X(2, 2) X(2, 4) X(3, 1) X(3, 2) X(3, 4) X(4, 1) X(4, 2) X(5, 1) X(5, 2) X(6, 1)    \
      X(6, 2)
EACH_TILE(TILE)

enum { TILE_ROWS = 6 };
#define ENTRY(kind, R, V) [R][V] = {kind##_##R##_##V, kind##_##R##_##V##_part},
#define ROWS_ENTRY(R, V) ENTRY(rows, R, V)
#define COLUMNS_ENTRY(R, V) ENTRY(columns, R, V)
static const tile_fn rows_tiles[TILE_ROWS + 1][9][2] = {EACH_TILE(ROWS_ENTRY)};
static const tile_fn columns_tiles[TILE_ROWS + 1][9][2] = {EACH_TILE(COLUMNS_ENTRY)};

/* The widest tile for so many rows and so many vectors that are left. */
static int tile_vectors(int rows, int64_t left) {
  int widest = rows == 1 ? 8 : rows <= 3 ? 4 : 2;
  while (widest > left) widest /= 2;
  return widest;
}

typedef const tile_fn (*tile_table)[9][2];

/* Rows first, first + step, … below m in strips of columns, so that a strip of b stays in the first cache. */
static void sweep(tile_args t, tile_table table, int64_t first, int64_t m, int rows, int64_t n,
                  int64_t row_step, float *c) {
  const float *a = t.a, *b = t.b;
  for (int64_t j = 0; j < n;) {
    int64_t left = (n - j + VW - 1) / VW;
    int V = tile_vectors(rows, left);
    bool part = V == left && (n - j) % VW != 0;
    tile_fn run = table[rows][V][part];
    t.last = (n - j) % VW;
    t.column = j;
    t.b = b + j;
    for (int64_t i = first; i + rows <= m; i += rows) {
      t.row = i;
      t.a = a + i * row_step;
      t.c = c + i * t.ldc + j;
      run(&t);
    }
    j += (int64_t)V * VW;
  }
}

static void gemm(tile_args t, tile_table table, int64_t m, int64_t n, int64_t row_step) {
  int64_t whole = m - m % TILE_ROWS;
  float *c = t.c;
  if (whole) sweep(t, table, 0, whole, TILE_ROWS, n, row_step, c);
  if (whole < m) sweep(t, table, whole, m, (int)(m - whole), n, row_step, c);
}

void PART(gemm_rows)(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b,
                     int64_t ldb, const gemm_epilogue *e, float *c, int64_t ldc) {
  gemm((tile_args){.k = k, .a = a, .lda = lda, .b = b, .ldb = ldb, .c = c, .ldc = ldc, .e = e}, rows_tiles, m,
       n, lda);
}

void PART(gemm_columns)(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b,
                        int64_t ldb, const gemm_epilogue *e, float *c, int64_t ldc) {
  gemm((tile_args){.k = k, .a = a, .lda = lda, .b = b, .ldb = ldb, .c = c, .ldc = ldc, .e = e}, columns_tiles,
       m, n, 1);
}
