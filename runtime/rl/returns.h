/* Advantages and returns of one critic. */
#ifndef PRL_RL_RETURNS_H
#define PRL_RL_RETURNS_H

#include <stdint.h>

/* The discount from each step to the next: γ where unit is 0, else γ^(Δt / unit), the discount of a
 * semi-Markov decision process (Bradtke & Duff 1994; Sutton, Precup & Singh 1999), written with γ
 * for a unit of time instead of their rate β = −ln γ / unit. elapsed (rows): Δt ≥ 0, unit: both in s. A step
 * that took no time is not discounted; γ 0 looks at no later step, however near. → discount (rows). */
void prl_discounts(int64_t rows, double gamma, double unit, const float *elapsed, double *discount);

/* Generalised advantage estimation (Schulman et al. 2016, eq. 11–16) over ragged runs of rows, with a
 * discount γ_t for each step: δ_t = r_t + γ_t V(s_{t+1}) − V(s_t)      V(s_{t+1}) = 0 after a terminated step
 *     A_t = δ_t + γ_t λ A_{t+1}                A_{t+1} = 0 at the end of a run
 *     R_t = A_t + V(s_t)
 * so that A_t = Σ_l (Π_{k<l} γ_{t+k}) λ^l δ_{t+l}: λ counts steps, whatever time they took, for it weighs
 * rewards that were seen against the critic's guess, and the noise of both grows with the number of
 * decisions. A step's reward counts whole, as if it came at the decision. The time between two episodes
 * counts nowhere: after a terminated step there is nothing to discount. reward, discount (rows); value: of
 * rows and bootstrap observations, value[i] · std + mean being V; successor (rows): where in `value` the next
 * state stands; −1 after a terminated step; i + 1 < rows: the run goes on. → advantage, returns (rows), which
 * must not alias the inputs. Float64 inside. */
void prl_gae(int64_t rows, const float *reward, const float *value, double mean, double std,
             const int32_t *successor, const double *discount, double lambda, float *advantage,
             float *returns);

#endif
