/* Running statistics, in float64: of observations, and of each critic's returns. */
#ifndef PRL_RL_NORMALISER_H
#define PRL_RL_NORMALISER_H

#include "rl/blocks.h"

enum { PRL_STATISTICS_ROWS = 32 }; /* fewer begin no statistics */

/* Mean and variance of each of `width` numbers. Statistics gather in `count, mean, m2`; what normalises
 * (shift, scale) changes only in prl_normaliser_publish, so that it is constant within an update. */
typedef struct prl_normaliser {
  prl_runtime *runtime;
  int64_t width;
  float clip;
  double *count; /* (1) rows seen */
  double *mean, *m2;
  double *sum, *squares; /* scratch of prl_normaliser_add */
  float *shift, *scale;  /* in force: clip((x − shift) · scale); 0 and 1 before the first publish */
} prl_normaliser;

prl_status prl_normaliser_init(prl_normaliser *n, prl_runtime *runtime, int64_t width, float clip,
                               prl_error *error);
void prl_normaliser_deinit(prl_normaliser *n);
/* prefix: of the blocks' names, as "normaliser". */
prl_status prl_normaliser_blocks(prl_normaliser *n, const char *prefix, prl_blocks *blocks, prl_error *error);
/* The other's statistics and what is in force; both of the same width. */
void prl_normaliser_take(prl_normaliser *n, const prl_normaliser *from);
/* The other's statistics, without what is in force. */
void prl_normaliser_gather(prl_normaliser *n, const prl_normaliser *from);
/* Merges the rows (rows, width), which lie `step` numbers apart: each column's mean and M2 in two passes,
 * then Chan, Golub & LeVeque (1979):
 *     δ = mean_b − mean_a;  mean = mean_a + δ n_b/n;  M2 = M2_a + M2_b + δ² n_a n_b/n */
void prl_normaliser_add(prl_normaliser *n, int64_t rows, int64_t step, const float *x);
/* shift = mean, scale = 1/std, where a column that never varied (by a millionth of its mean) keeps scale 1;
 * nothing before PRL_STATISTICS_ROWS rows. */
void prl_normaliser_publish(prl_normaliser *n);

/* Statistics of one critic's returns (PopArt; van Hasselt et al. 2016): mean and deviation from moving means
 * of the returns and of their squares.
 *
 * They begin from the first PRL_STATISTICS_ROWS returns that vary. Until then the deviation is the returns'
 * root mean square where these hardly vary (by less than 3e-5 of it), since nothing is known of
 * their scale; later, returns that hardly vary move the mean alone. */
typedef struct prl_popart {
  double begun; /* 0: no returns yet; 1: they have begun; between: the share of PRL_STATISTICS_ROWS seen */
  double first, second; /* moving means of G and of G² */
  double mean, std;     /* in force */
} prl_popart;

/* Moves the moving means by `decay` towards those of these returns, without putting them in force; while they
 * begin, all returns count alike. */
void prl_popart_add(prl_popart *p, int64_t rows, const float *returns, double decay);
/* Whether targets of these returns need them in force at once: while they begin, and where the returns lie
 * more than ten deviations (root mean square) from the mean in force. Ask before prl_popart_add. */
bool prl_popart_urgent(const prl_popart *p, int64_t rows, const float *returns);
/* Puts them in force and rescales a last layer y = h w + b so that std · y + mean stays:
 *     w ← w · std_old/std_new;   b ← (std_old · b + mean_old − mean_new)/std_new
 * The deviation falls by at most a tenth, and not where a weight would pass a thousand. What the layer says
 * before any returns is arbitrary: where w or b would pass 10 then, w stays as it is, b becomes 0, and y
 * changes. w: `rows` elements `stride` apart; b: one. NULL w: no layer. Returns the factor of w. */
double prl_popart_publish(prl_popart *p, int64_t rows, int64_t stride, float *w, float *b);

#endif
