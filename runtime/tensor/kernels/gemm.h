/* Small matrix products: c = a b with b and c row-major and a given by two strides, so that a product with
 * the transpose of a row-major matrix needs no copy. */
#ifndef PRL_TENSOR_KERNELS_GEMM_H
#define PRL_TENSOR_KERNELS_GEMM_H

#include "tensor/kernels/parts.h"
#include "tensor/kernels/vec.h"

typedef struct gemm_epilogue {
  const float *bias; /* (n) or NULL */
  float *pre;        /* where to keep the value before the activation, strided like c; or NULL */
  prl_unary act;     /* applied to the tile where gemm_fuses says so, else left to the caller */
  bool add;          /* c += instead of c =; no bias or activation then */
  prl_unary slope;   /* c is multiplied by its derivative (from `of`), after add; where gemm_fuses says so */
  const float *of;   /* strided like c */
  bool resume;       /* the chains go on from what c holds, as if this were more of k; not with add */
} gemm_epilogue;

/* Is this activation applied while the tile is in registers? */
INLINE bool gemm_fuses(prl_unary act) { return act == PRL_IDENTITY || act == PRL_RELU || act == PRL_TANH; }

/* c (m, n; ldc) = a b,  a[i, p] = a[i lda + p],  b (k, n; ldb). Each element is one chain of fused
 * multiply-adds over ascending p, whatever the tiles. */
void PART(gemm_rows)(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b,
                     int64_t ldb, const gemm_epilogue *e, float *c, int64_t ldc);
/* The same with a[i, p] = a[i + p lda]: the product with the transpose of a row-major matrix. */
void PART(gemm_columns)(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b,
                        int64_t ldb, const gemm_epilogue *e, float *c, int64_t ldc);
/* The same as gemm_rows with b given as its transpose bt (n, k; ldb dense: ldb = k). scratch: n k floats. */
void PART(gemm_flipped)(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *bt,
                        int64_t ldb, float *scratch, const gemm_epilogue *e, float *c, int64_t ldc);
/* to (columns, rows) = the transpose of from (rows, columns). */
void PART(transpose)(int64_t rows, int64_t columns, const float *from, float *to);

#endif
