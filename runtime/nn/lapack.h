/* LAPACK's QR, of OpenBLAS. The library is loaded where it is first needed: what starts without orthogonal
 * weights does without its megabytes and its start. */
#ifndef PRL_NN_LAPACK_H
#define PRL_NN_LAPACK_H

#include "perilune/core.h"

typedef struct prl_lapack {
  void (*sgeqrf)(const int *m, const int *n, float *a, const int *lda, float *tau, float *work,
                 const int *lwork, int *info);
  void (*sorgqr)(const int *m, const int *n, const int *k, float *a, const int *lda, const float *tau,
                 float *work, const int *lwork, int *info);
} prl_lapack;

/* Where OpenBLAS is looked for, in this order: the serial one of the build, then what the system's loader
 * finds. NULL ends. */
extern const char *const prl_lapack_places[];

/* It stays loaded until the process ends. Fails: PRL_EABSENT (there is none). */
prl_status prl_lapack_load(const char *const *places, prl_lapack *out, prl_error *error);

#endif
