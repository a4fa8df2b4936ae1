/* LAPACK and BLAS, of OpenBLAS: QR for orthogonal weights, Cholesky and triangular solves for Gaussian
 * processes. The library is loaded where it is first needed: what starts without either does without its
 * megabytes and its start. Matrices are stored by columns, and arguments are as LAPACK's documentation has
 * them. */
#ifndef PRL_CORE_LAPACK_H
#define PRL_CORE_LAPACK_H

#include "perilune/core.h"

typedef struct prl_lapack {
  void (*sgeqrf)(const int *m, const int *n, float *a, const int *lda, float *tau, float *work,
                 const int *lwork, int *info);
  void (*sorgqr)(const int *m, const int *n, const int *k, float *a, const int *lda, const float *tau,
                 float *work, const int *lwork, int *info);
  void (*dpotrf)(const char *uplo, const int *n, double *a, const int *lda, int *info);
  void (*dpotri)(const char *uplo, const int *n, double *a, const int *lda, int *info);
  void (*dtrsm)(const char *side, const char *uplo, const char *transa, const char *diag, const int *m,
                const int *n, const double *alpha, const double *a, const int *lda, double *b,
                const int *ldb);
  void (*dsyrk)(const char *uplo, const char *trans, const int *n, const int *k, const double *alpha,
                const double *a, const int *lda, const double *beta, double *c, const int *ldc);
  void (*dgemm)(const char *transa, const char *transb, const int *m, const int *n, const int *k,
                const double *alpha, const double *a, const int *lda, const double *b, const int *ldb,
                const double *beta, double *c, const int *ldc);
} prl_lapack;

/* Where OpenBLAS is looked for, in this order: the serial one of the build, then what the system's loader
 * finds. NULL ends. */
extern const char *const prl_lapack_places[];

/* It stays loaded until the process ends. use begins the sentence of a failure: what needs it, in the plural.
 * Fails: PRL_EABSENT (there is none). */
prl_status prl_lapack_load(const char *const *places, const char *use, prl_lapack *out, prl_error *error);

#endif
