/* The fields of a Gaussian process: for the files of this room. */
#ifndef PRL_SEARCH_PARTS_H
#define PRL_SEARCH_PARTS_H

#include <math.h>

#include "core/lapack.h"
#include "search/gaussian_process.h"

struct prl_gp {
  prl_runtime *runtime;
  prl_lapack lapack;
  int references, dimensions, trials;
  int count, factored; /* rows; of them in the factor */
  int ld;              /* of matrices whose rows are trials */
  bool known, solved;  /* hyperparameters are in force; alpha and mean are those of all trials */
  int64_t changes;     /* grows with whatever moves the posterior */
  int64_t *round;      /* (trials) */
  double *point;       /* (dimensions, trials), a column for each trial */
  double *scaled;      /* the same over the lengths; norm: ‖·‖² of its columns */
  double *norm, *score;
  double *lengths, signal, shape, level, noise, mean;
  double *factor;  /* L of K = L Lᵀ, lower (ld, trials); what is above the diagonal is nothing */
  double *alpha;   /* (ld): K⁻¹ (y − m) */
  double *right;   /* (ld, 2): right-hand sides */
  double *another; /* (ld, trials): the likelihood's matrix */
  double *block;   /* (ld, PRL_GP_BLOCK): of prl_gp_predict */
  double *query;   /* (dimensions, PRL_GP_BLOCK), their norms behind them */
};

enum { PRL_GP_BLOCK = 64 };

/* k at the squared distance r². */
static inline double prl_gp_matern(double square) {
  double s = sqrt(5 * square);
  return (1 + s + 5 * square / 3) * exp(-s);
}

/* The squared distance of two scaled points. */
static inline double prl_gp_apart(const double *a, const double *b, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

/* Σ aᵢ bᵢ, in four sums, which do not wait for one another. */
static inline double prl_gp_dot(const double *a, const double *b, int n) {
  double sum[4] = {0};
  int i = 0;
  for (; i + 4 <= n; i += 4)
    for (int k = 0; k < 4; k++) sum[k] += a[i + k] * b[i + k];
  for (; i < n; i++) sum[0] += a[i] * b[i];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* Takes `count` doubles from a block, 64-byte aligned if the block is. */
static inline double *prl_gp_take(double **block, size_t count) {
  double *taken = *block;
  *block += (count + 7) & ~(size_t)7;
  return taken;
}

/* Refuses hyperparameters that are out of range. */
prl_status prl_gp_check(const prl_gp *gp, const prl_gp_theta *theta, prl_error *error);
/* PRL_ENUMERIC, of a covariance that has no factor. */
prl_status prl_gp_indefinite(prl_error *error);
/* alpha (ld) = K⁻¹ (y − m) by K's factor, (ld, trials); returns m. */
double prl_gp_weights(prl_gp *gp, const double *factor, double *alpha);
/* Factorises and solves what has come since; PRL_ESTATE where nothing can be asked yet. */
prl_status prl_gp_ready(prl_gp *gp, prl_error *error);
/* scaled = point over the lengths; returns ‖scaled‖². */
double prl_gp_scale(const prl_gp *gp, const double *point, double *scaled);
/* out(i, j) = signal · k of the scaled points aᵢ and bⱼ, whose squared norms are given. */
void prl_gp_correlate(const prl_gp *gp, int m, const double *a, const double *a_norm, int n, const double *b,
                      const double *b_norm, double *out, int ld);
/* b ← L⁻¹ b of the factor, (ld, n). */
void prl_gp_solve(const prl_gp *gp, int n, double *b);
#endif
