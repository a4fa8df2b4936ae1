/* The micro-kernels: R rows of V vectors of c stay in registers while p runs over k. Six rows of WIDE vectors
 * keep both multiply-add pipes busy; few rows take more vectors, so that there are always enough independent
 * chains. */
#include "tensor/kernels/gemm.h"

#include "tensor/kernels/approx.h"

/* The shape of a whole tile, by the number of registers (32 with AVX-512, else 16): the sums, a row of b and
 * one element of a. */
#ifdef PRL_AVX512
enum { TILE_ROWS = 6, WIDE = 4, TALL_ROWS = 8 }; /* tall: for at most two vectors of columns */
#else
enum { TILE_ROWS = 6, WIDE = 2, TALL_ROWS = 6 };
#endif
enum { TILE_MOST = TILE_ROWS * WIDE > 12 ? TILE_ROWS *WIDE : 12 };

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

INLINE void tile_add(const tile_args *t, vf *acc, int R, int V, bool part) {
  UNROLL for (int i = 0; i < R; i++) {
    UNROLL for (int j = 0; j < V; j++) {
      acc[i * V + j] += tile_load(t->c + i * t->ldc + j * VW, part && j == V - 1, t->last);
    }
  }
}

/* In the arithmetic of kernels/unary.c. */
INLINE void tile_slope(const tile_args *t, vf *acc, int R, int V, bool part) {
  const float *of = t->e->of + t->row * t->ldc + t->column;
  bool relu = t->e->slope == PRL_RELU;
  UNROLL for (int i = 0; i < R; i++) {
    UNROLL for (int j = 0; j < V; j++) {
      vf y = tile_load(of + i * t->ldc + j * VW, part && j == V - 1, t->last);
      acc[i * V + j] *= relu ? vand(vlt(vzero(), y), vset(1)) : vfnma(y, y, vset(1));
    }
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
    vf copy[TILE_MOST];
    UNROLL for (int i = 0; i < R * V; i++) copy[i] = acc[i];
    tanh_tile(copy, R * V);
    UNROLL for (int i = 0; i < R * V; i++) acc[i] = copy[i];
  }
  if (e->act == PRL_RELU) {
    UNROLL for (int i = 0; i < R * V; i++) acc[i] = vrelu(acc[i]);
  }
  if (e->add) tile_add(t, acc, R, V, part);
  if (e->slope != PRL_IDENTITY) tile_slope(t, acc, R, V, part);
  UNROLL for (int i = 0; i < R; i++) {
    UNROLL for (int j = 0; j < V; j++) {
      tile_store(t->c + i * t->ldc + j * VW, acc[i * V + j], part && j == V - 1, t->last);
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
  vf acc[TILE_MOST];
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
/* clang-format off */
#define EACH_NARROW_TILE(X) \
  X(1, 1) X(1, 2) X(1, 4) X(1, 8) X(2, 1) X(2, 2) X(2, 4) X(3, 1) X(3, 2) X(3, 4) \
  X(4, 1) X(4, 2) X(5, 1) X(5, 2) X(6, 1) X(6, 2)
#ifdef PRL_AVX512
#define EACH_TILE(X) \
  EACH_NARROW_TILE(X) X(1, 3) X(2, 3) X(3, 3) X(4, 3) X(4, 4) X(5, 3) X(5, 4) X(6, 3) X(6, 4) \
  X(7, 1) X(7, 2) X(8, 1) X(8, 2)
#else
#define EACH_TILE(X) EACH_NARROW_TILE(X)
#endif
/* clang-format on */
EACH_TILE(TILE)

#define ENTRY(kind, R, V) [R][V] = {kind##_##R##_##V, kind##_##R##_##V##_part},
#define ROWS_ENTRY(R, V) ENTRY(rows, R, V)
#define COLUMNS_ENTRY(R, V) ENTRY(columns, R, V)
static const tile_fn rows_tiles[TALL_ROWS + 1][9][2] = {EACH_TILE(ROWS_ENTRY)};
static const tile_fn columns_tiles[TALL_ROWS + 1][9][2] = {EACH_TILE(COLUMNS_ENTRY)};

/* The widest tile for so many rows and so many vectors that are left. */
static int tile_vectors(int rows, int64_t left) {
  if (rows > 3) return left < WIDE ? (int)left : WIDE;
  int widest = rows == 1 ? 8 : 4;
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

/* Sizes in the caches: a packed strip of b is 16 KiB (AVX-512: 32 KiB) of the first; a block of a, which lies
 * on the stack where it is packed, 128 to 256 KiB of the second, with the block of c that rests there. */
#ifdef PRL_AVX512
enum { BLOCK_K = 128, BLOCK_M = 480, PACKED_M = 240, BLOCK_N = 1024 };
#else
enum { BLOCK_K = 256, BLOCK_M = 264, PACKED_M = 132, BLOCK_N = 1024 };
#endif
enum { STRIP = WIDE * VW };

/* Rows of a block one after the other, whatever lay between them: far apart they would meet in few sets of
 * the caches. */
static void pack_rows(const float *from, int64_t stride, int64_t rows, int64_t columns, float *to) {
  for (int64_t i = 0; i < rows; i++, from += stride, to += columns) {
    int64_t j = 0;
    for (; j + VW <= columns; j += VW) vstore(to + j, vload(from + j));
    if (j < columns) vstore_n(to + j, vload_n(from + j, columns - j), columns - j);
  }
}

/* A strip of b: `width` columns of k rows, STRIP apart in `to`, with zeros up to a whole vector. */
static void pack_strip(const float *b, int64_t ldb, int64_t k, int64_t width, float *to) {
  for (int64_t p = 0; p < k; p++, b += ldb, to += STRIP) {
    if (width == STRIP) {
      UNROLL for (int j = 0; j < WIDE; j++) vstore(to + j * VW, vload(b + j * VW));
      continue;
    }
    int64_t j = 0;
    for (; j + VW <= width; j += VW) vstore(to + j, vload(b + j));
    if (j < width) vstore(to + j, vload_n(b + j, width - j));
  }
}

/* The same from the transpose of b: columns of the strip are rows of it. */
static void pack_flipped(const float *b, int64_t ldb, int64_t k, int64_t width, float *to) {
  for (int64_t j = 0; j < width; j += VW) {
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

/* What one pass over packed strips computes: rows i … i + m − 1 and columns j … j + n − 1 of c, by p … p + k
 * − 1 of the chains. They rest in c between two passes, so that their order is that of sweep. */
typedef struct block {
  int64_t i, m, j, n, p, k;
} block;

enum { LINE = 16 }; /* floats of a line of the caches */

/* Lines of the strip of b that comes next, fetched while the present one is at work: `rows` rows of `lines`
 * lines, ldb apart. */
typedef struct fetcher {
  const float *row;
  int64_t rows, lines, each; /* each: rows of one go */
} fetcher;

static fetcher next_strip(const product *g, const block *b, int64_t j) {
  int64_t tiles = (b->m + TILE_ROWS - 1) / TILE_ROWS, after = j + STRIP;
  fetcher f = {.row = g->t.b + b->p * g->t.ldb + after, .rows = b->k, .lines = STRIP / LINE};
  if (g->flipped) f = (fetcher){.row = g->t.b + after * g->t.ldb + b->p, .rows = STRIP, .lines = b->k / LINE};
  if (after + STRIP > b->j + b->n) f.rows = 0;
  f.each = (f.rows + tiles - 1) / tiles;
  return f;
}

INLINE void fetch_some(fetcher *f, int64_t ldb) {
  for (int64_t q = 0; q < f->each && f->rows > 0; q++, f->rows--, f->row += ldb) {
    for (int64_t line = 0; line < f->lines; line++) __builtin_prefetch(f->row + line * LINE);
  }
}

/* The chains that the next tile goes on with. */
INLINE void fetch_tile(const float *c, int64_t ldc) {
  UNROLL for (int q = 0; q < TILE_ROWS; q++) {
    UNROLL for (int w = 0; w < STRIP; w += LINE) __builtin_prefetch(c + q * ldc + w, 1);
  }
}

static void strip_by_tiles(const product *g, const block *b, tile_args *t, const float *a, int64_t row,
                           int64_t width) {
  int V = (int)((width + VW - 1) / VW);
  bool part = width % VW != 0;
  int64_t j = t->column;
  fetcher ahead = next_strip(g, b, j);
  t->last = width % VW;
  for (int64_t i = 0; i < b->m; i += TILE_ROWS) {
    int rows = b->m - i < TILE_ROWS ? (int)(b->m - i) : TILE_ROWS;
    fetch_some(&ahead, g->t.ldb);
    t->row = b->i + i;
    t->a = a + i * row;
    t->c = g->t.c + t->row * t->ldc + j;
    if (t->resume && i + 2 * TILE_ROWS <= b->m) fetch_tile(t->c + TILE_ROWS * t->ldc, t->ldc);
    g->table[rows][V][part](t);
  }
}

/* a: the block's first element, one row (one p) after the other as `row` and `step` say. */
static void block_by_strips(const product *g, const block *b, const float *a, int64_t row, int64_t step) {
  float packed[BLOCK_K * STRIP];
  tile_args t = g->t;
  t.k = b->k, t.b = packed, t.ldb = STRIP, t.lda = step == 1 ? row : step;
  t.resume = b->p > 0 || g->t.resume, t.unfinished = b->p + b->k < g->k;
  for (int64_t j = b->j; j < b->j + b->n; j += STRIP) {
    int64_t left = b->j + b->n - j, width = left < STRIP ? left : STRIP;
    if (g->flipped) {
      pack_flipped(g->t.b + j * g->t.ldb + b->p, g->t.ldb, b->k, width, packed);
    } else {
      pack_strip(g->t.b + b->p * g->t.ldb + j, g->t.ldb, b->k, width, packed);
    }
    t.column = j;
    strip_by_tiles(g, b, &t, a, row, width);
  }
}

/* The same with a packed as well. */
static __attribute__((noinline)) void block_packed(const product *g, const block *b) {
  float packed[PACKED_M * BLOCK_K];
  const float *a = g->t.a + b->i * g->row + b->p * g->step;
  if (g->step == 1) {
    pack_rows(a, g->row, b->m, b->k, packed);
    block_by_strips(g, b, packed, b->k, 1);
  } else {
    pack_rows(a, g->step, b->k, b->m, packed);
    block_by_strips(g, b, packed, 1, b->m);
  }
}

static int64_t up_to(int64_t most, int64_t left) { return left < most ? left : most; }

static void multiply_blocks(const product *g) {
  /* Rows of a that lie a multiple of 4 KiB apart meet in few sets of the caches. */
  bool both = (g->step == 1 ? g->row : g->step) % 1024 == 0 && g->n >= 4 * STRIP;
  int64_t rows = both ? PACKED_M : BLOCK_M;
  for (int64_t j = 0; j < g->n; j += BLOCK_N) {
    for (int64_t i = 0; i < g->m; i += rows) {
      for (int64_t p = 0; p < g->k; p += BLOCK_K) {
        block b = {i, up_to(rows, g->m - i), j, up_to(BLOCK_N, g->n - j), p, up_to(BLOCK_K, g->k - p)};
        if (both) {
          block_packed(g, &b);
        } else {
          block_by_strips(g, &b, g->t.a + i * g->row + p * g->step, g->row, g->step);
        }
      }
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
    multiply_blocks(g);
    return;
  }
  int rows = g->n <= 2 * VW ? TALL_ROWS : TILE_ROWS;
  int64_t whole = g->m - g->m % rows;
  if (whole) sweep(g, 0, whole, rows);
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
  product g = {
      m,
      n,
      k,
      lda,
      1,
      rows_tiles,
      {.k = k, .a = a, .lda = lda, .b = b, .ldb = ldb, .c = c, .ldc = ldc, .resume = e->resume, .e = e},
      false};
  multiply(&g);
}

void PART(gemm_columns)(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b,
                        int64_t ldb, const gemm_epilogue *e, float *c, int64_t ldc) {
  product g = {
      m,
      n,
      k,
      1,
      lda,
      columns_tiles,
      {.k = k, .a = a, .lda = lda, .b = b, .ldb = ldb, .c = c, .ldc = ldc, .resume = e->resume, .e = e},
      false};
  multiply(&g);
}

void PART(gemm_flipped)(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *bt,
                        int64_t ldb, float *scratch, const gemm_epilogue *e, float *c, int64_t ldc) {
  product g = {
      m,
      n,
      k,
      lda,
      1,
      rows_tiles,
      {.k = k, .a = a, .lda = lda, .b = bt, .ldb = ldb, .c = c, .ldc = ldc, .resume = e->resume, .e = e},
      true};
  if (!pays_to_pack(&g)) {
    PART(transpose)(n, k, bt, scratch);
    g.t.b = scratch, g.t.ldb = n, g.flipped = false;
  }
  multiply(&g);
}
