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
  int64_t last;    /* lanes of the last vector, where it is a part */
  bool resume;     /* the chains continue from what c holds */
  bool unfinished; /* more of k follows: c takes the bare chains */
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
  if (t->unfinished) {
    UNROLL for (int i = 0; i < R; i++) {
      UNROLL for (int j = 0; j < V; j++) {
        tile_store(t->c + i * t->ldc + j * VW, acc[i * V + j], part && j == V - 1, t->last);
      }
    }
    return;
  }
  vf floor = vset(e->act == PRL_RELU ? 0.0f : -INFINITY);
  if (e->bias) {
    UNROLL for (int j = 0; j < V; j++) {
      vf bias = tile_load(e->bias + t->column + j * VW, part && j == V - 1, t->last);
      UNROLL for (int i = 0; i < R; i++) acc[i * V + j] += bias;
    }
  }
  if (e->pre) {
    float *pre = e->pre + t->row * t->ldc + t->column;
    UNROLL for (int i = 0; i < R; i++) {
      UNROLL for (int j = 0; j < V; j++) {
        tile_store(pre + i * t->ldc + j * VW, acc[i * V + j], part && j == V - 1, t->last);
      }
    }
  }
  if (e->act == PRL_TANH) {
    vf copy[16];
    UNROLL for (int i = 0; i < R * V; i++) copy[i] = acc[i];
    tanh_tile(copy, R * V);
    UNROLL for (int i = 0; i < R * V; i++) acc[i] = copy[i];
  }
  UNROLL for (int i = 0; i < R; i++) {
    UNROLL for (int j = 0; j < V; j++) {
      float *c = t->c + i * t->ldc + j * VW;
      bool cut = part && j == V - 1;
      vf y = vmax(floor, acc[i * V + j]);
      if (e->add) y += tile_load(c, cut, t->last);
      tile_store(c, y, cut, t->last);
    }
  }
}

/* One p: a column of a times a row of b. along: a's elements of one row of c are adjacent (gemm_rows), not
 * lda apart. */
INLINE void tile_step(vf *acc, const float *a, int64_t lda, const float *b, int R, int V, bool part,
                      int64_t last, bool along) {
  vf row[8];
  UNROLL for (int j = 0; j < V; j++) row[j] = tile_load(b + j * VW, part && j == V - 1, last);
  UNROLL for (int i = 0; i < R; i++) {
    vf s = vset(along ? a[i * lda] : a[i]);
    UNROLL for (int j = 0; j < V; j++) acc[i * V + j] = vfma(s, row[j], acc[i * V + j]);
  }
}

INLINE void tile_run(const tile_args *t, int R, int V, bool part, bool along) {
  vf acc[16];
  const float *a = t->a, *b = t->b;
  int64_t lda = t->lda, ldb = t->ldb, next = along ? 1 : lda, last = t->last, p = t->k;
  UNROLL for (int i = 0; i < R * V; i++) acc[i] = vzero();
  if (t->resume) {
    UNROLL for (int i = 0; i < R; i++) {
      UNROLL for (int j = 0; j < V; j++) {
        acc[i * V + j] = tile_load(t->c + i * t->ldc + j * VW, part && j == V - 1, last);
      }
    }
  }
  for (; p > 0; p--, a += next, b += ldb) tile_step(acc, a, lda, b, R, V, part, last, along);
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
  X(1, 4)                                                                                                    \
  X(1, 8) X(2, 1) X(2, 2) X(2, 4) X(3, 1) X(3, 2) X(3, 4) X(4, 1) X(4, 2) X(5, 1) X(5, 2) X(6, 1) X(6, 2)
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

/* A product as the tiles see it. row, step: from one row of a (one p) to the next. */
typedef struct product {
  int64_t m, n, k, row, step;
  tile_table table;
  tile_args t;
  bool flipped; /* b is given as its transpose, (n, k; ldb) */
} product;

/* One strip of columns for rows first … last − 1, `rows` at a time. */
static void sweep_strip(const product *g, int64_t first, int64_t last, int rows, int64_t j, int V) {
  tile_args t = g->t;
  int64_t left = (g->n - j + VW - 1) / VW;
  bool part = V == left && (g->n - j) % VW != 0;
  tile_fn run = g->table[rows][V][part];
  t.last = (g->n - j) % VW;
  t.column = j;
  t.b = g->t.b + j;
  for (int64_t i = first; i < last; i += rows) {
    t.row = i;
    t.a = g->t.a + i * g->row;
    t.c = g->t.c + i * t.ldc + j;
    run(&t);
  }
}

enum { FIRST_CACHE = 6144 }; /* floats: most of the first cache, with room for what passes through it */

/* All rows strip by strip, so that a strip of b stays in the first cache; where all of b does, some rows at a
 * time, so that a is read once. */
static void sweep(const product *g, int64_t first, int64_t last, int rows) {
  int64_t some = g->n * g->k <= FIRST_CACHE ? 4 * rows : last - first;
  for (int64_t i = first; i < last; i += some) {
    int64_t end = i + some < last ? i + some : last;
    for (int64_t j = 0; j < g->n;) {
      int V = tile_vectors(rows, (g->n - j + VW - 1) / VW);
      sweep_strip(g, i, end, rows, j, V);
      j += (int64_t)V * VW;
    }
  }
}

/* Sizes in the caches: a packed strip of b is 16 KiB (the first cache holds twice that), a block of a 256
 * KiB. */
enum { BLOCK_K = 256, BLOCK_M = 264, STRIP = 2 * VW };

static void pack_strip(const float *b, int64_t ldb, int64_t k, int64_t width, float *to) {
  for (int64_t p = 0; p < k; p++, b += ldb, to += STRIP) {
    if (width == STRIP) {
      vstore(to, vload(b));
      vstore(to + VW, vload(b + VW));
    } else {
      for (int64_t j = 0; j < STRIP; j++) to[j] = j < width ? b[j] : 0;
    }
  }
}

/* The same from the transpose of b: columns of the strip are rows of it. */
static void pack_flipped(const float *b, int64_t ldb, int64_t k, int64_t width, float *to) {
  for (int64_t j = 0; j < STRIP; j += VW) {
    int64_t p = 0;
    for (; p + VW <= k && j + VW <= width; p += VW) {
      vf t[VW];
      UNROLL for (int q = 0; q < VW; q++) t[q] = vload(b + (j + q) * ldb + p);
      vtranspose(t);
      UNROLL for (int q = 0; q < VW; q++) vstore(to + (p + q) * STRIP + j, t[q]);
    }
    for (; p < k; p++) {
      for (int64_t q = j; q < j + VW; q++) to[p * STRIP + q] = q < width ? b[q * ldb + p] : 0;
    }
  }
}

/* One block of rows and of k. The chains rest in c between two blocks of k, so that their order is that of
 * sweep. */
static void block(const product *g, int64_t first, int64_t last, int64_t p, int64_t pn) {
  float packed[BLOCK_K * STRIP];
  tile_args t = g->t;
  t.k = pn, t.b = packed, t.ldb = STRIP;
  t.resume = p > 0, t.unfinished = p + pn < g->k;
  for (int64_t j = 0; j < g->n; j += STRIP) {
    int64_t width = g->n - j < STRIP ? g->n - j : STRIP;
    int V = width > VW ? 2 : 1;
    bool part = width % VW != 0;
    t.last = width % VW;
    t.column = j;
    if (g->flipped) {
      pack_flipped(g->t.b + j * g->t.ldb + p, g->t.ldb, pn, width, packed);
    } else {
      pack_strip(g->t.b + p * g->t.ldb + j, g->t.ldb, pn, width, packed);
    }
    for (int64_t i = first; i < last; i += TILE_ROWS) {
      int rows = last - i < TILE_ROWS ? (int)(last - i) : TILE_ROWS;
      t.row = i;
      t.a = g->t.a + i * g->row + p * g->step;
      t.c = g->t.c + i * t.ldc + j;
      g->table[rows][V][part](&t);
    }
  }
}

/* Packing pays where rows of b lie far apart and are read often. No choice here changes a byte of the result.
 */
static bool pays_to_pack(const product *g) {
  if (g->t.e->add && g->k > BLOCK_K) return false; /* c holds what is to be added, not the chains */
  if (g->flipped) return g->m >= 4;                /* it has to be turned anyway */
  return g->m >= 4 * TILE_ROWS && g->n * g->k > 128 * 128 && g->k >= 16;
}

static void multiply(const product *g) {
  if (pays_to_pack(g)) {
    for (int64_t i = 0; i < g->m; i += BLOCK_M) {
      int64_t last = i + BLOCK_M < g->m ? i + BLOCK_M : g->m;
      for (int64_t p = 0; p < g->k; p += BLOCK_K)
        block(g, i, last, p, g->k - p < BLOCK_K ? g->k - p : BLOCK_K);
    }
    return;
  }
  int64_t whole = g->m - g->m % TILE_ROWS;
  if (whole) sweep(g, 0, whole, TILE_ROWS);
  if (whole < g->m) sweep(g, whole, g->m, (int)(g->m - whole));
}

/* to (columns, rows) = the transpose of from (rows, columns). */
void PART(transpose)(int64_t rows, int64_t columns, const float *from, float *to) {
  int64_t whole_rows = rows - rows % VW, whole_columns = columns - columns % VW;
  for (int64_t i = 0; i < whole_rows; i += VW) {
    for (int64_t j = 0; j < whole_columns; j += VW) {
      vf t[VW];
      for (int64_t q = 0; q < VW; q++) t[q] = vload(from + (i + q) * columns + j);
      vtranspose(t);
      for (int64_t q = 0; q < VW; q++) vstore(to + (j + q) * rows + i, t[q]);
    }
  }
  for (int64_t j = 0; j < columns; j++) {
    for (int64_t i = j < whole_columns ? whole_rows : 0; i < rows; i++)
      to[j * rows + i] = from[i * columns + j];
  }
}

void PART(gemm_rows)(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b,
                     int64_t ldb, const gemm_epilogue *e, float *c, int64_t ldc) {
  product g = {m,
               n,
               k,
               lda,
               1,
               rows_tiles,
               {.k = k, .a = a, .lda = lda, .b = b, .ldb = ldb, .c = c, .ldc = ldc, .e = e},
               false};
  multiply(&g);
}

void PART(gemm_columns)(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b,
                        int64_t ldb, const gemm_epilogue *e, float *c, int64_t ldc) {
  product g = {m,
               n,
               k,
               1,
               lda,
               columns_tiles,
               {.k = k, .a = a, .lda = lda, .b = b, .ldb = ldb, .c = c, .ldc = ldc, .e = e},
               false};
  multiply(&g);
}

void PART(gemm_flipped)(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *bt,
                        int64_t ldb, float *scratch, const gemm_epilogue *e, float *c, int64_t ldc) {
  product g = {m,
               n,
               k,
               lda,
               1,
               rows_tiles,
               {.k = k, .a = a, .lda = lda, .b = bt, .ldb = ldb, .c = c, .ldc = ldc, .e = e},
               true};
  if (!pays_to_pack(&g)) {
    PART(transpose)(n, k, bt, scratch);
    g.t.b = scratch, g.t.ldb = n, g.flipped = false;
  }
  multiply(&g);
}
