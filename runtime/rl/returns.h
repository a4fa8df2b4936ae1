/* Advantages and returns of one critic. */
#ifndef PRL_RL_RETURNS_H
#define PRL_RL_RETURNS_H

#include <stdint.h>

/* Generalised advantage estimation (Schulman et al. 2016, eq. 11–16) over ragged runs of rows:
 *     δ_t = r_t + γ V(s_{t+1}) − V(s_t)        V(s_{t+1}) = 0 after a terminated step
 *     A_t = δ_t + γ λ A_{t+1}                  A_{t+1} = 0 at the end of a run
 *     R_t = A_t + V(s_t)
 * reward (rows); value: of rows and bootstrap observations, value[i] · std + mean being V; successor (rows):
 * where in `value` the next state stands; −1 after a terminated step; i + 1 < rows: the run goes on. →
 * advantage, returns (rows), which must not alias the inputs. Float64 inside. */
void prl_gae(int64_t rows, const float *reward, const float *value, double mean, double std,
             const int32_t *successor, double gamma, double lambda, float *advantage, float *returns);

#endif
