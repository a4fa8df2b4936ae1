/* Advantages and returns of one critic. */
#ifndef PRL_RL_RETURNS_H
#define PRL_RL_RETURNS_H

#include <stdint.h>

/* The discount from each step to the next: γ where unit is 0, else γ^(Δt / unit), the discount of a
 * semi-Markov decision process (Bradtke & Duff 1994; Sutton, Precup & Singh 1999), written with γ
 * for a unit of time instead of their rate β = −ln γ / unit. elapsed (rows): Δt ≥ 0, unit: both in s. A step
 * that took no time is not discounted; γ 0 looks at no later step, however near. → discount (rows). */
void prl_discounts(int64_t rows, double gamma, double unit, const float *elapsed, double *discount);

/* Rewards without the luck of who goes on. Whether an episode goes on after a step is a coin; where c_t =
 * P(the episode goes on | what is known of step t) is known, its surprise times what is at stake has mean 0,
 * and is taken out:
 *
 *     r̃_t = r_t − γ_t (g_t − c_t) V(s_t)              g_t = 0 after a terminated step, else 1
 *
 * so that δ̃_t = r̃_t + γ_t g_t V(s_{t+1}) − V(s_t) = r_t + γ_t c_t V(s_t) + γ_t g_t (V(s_{t+1}) − V(s_t)) −
 * V(s_t): the coin is left only in how the value changes from a state to the next. V(s_t), known before the
 * coin, stands for the value of those who stay: any number would do, and the nearer it is to E[V(s_{t+1}) |
 * g_t = 1] the more variance goes. This is a control variate on a chance event (Burch et al. 2018, "AIVAT";
 * Cheng, Yan & Boots 2019 for those of a whole trajectory), and
 *
 *     E[r̃_t | s_t, a_t] = E[r_t | s_t, a_t]           if c_t is right given s_t and a_t, whatever V is;
 *
 * else the bias is γ_t V(s_t) E[ĉ_t − c_t | s_t, a_t]. Because r̃ stands for r in what follows, sums over
 * several steps (GAE's λ, V-trace) keep their recursions: E[γ λ g_t A_{t+1}] needs no c_t, since A_{t+1} is
 * about 0 on average where the episode goes on, and its noise is not that of the coin. Of a truncated step
 * nobody knows what the coin would have been (end: PRL_END_TRUNCATED): r̃_t = r_t, and c is of the others.
 * reward, continuation (c), discount (rows); value, mean, std, successor as of prl_gae. → fair (rows), r̃; may
 * be reward itself. */
void prl_rewards_fair(int64_t rows, const float *reward, const float *value, double mean, double std,
                      const int32_t *successor, const int32_t *end, const double *discount,
                      const float *continuation, float *fair);

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

/* What corrects rows that another policy μ acted than the one that learns, π. */
typedef struct prl_correction {
  double rho;    /* ρ̄ ≥ 0: bounds how much a row's own error counts; it says whose values are learned */
  double c;      /* c̄ ≥ 0: bounds how much later errors count; it says how fast */
  double lambda; /* as of GAE */
} prl_correction;

/* V-trace (Espeholt et al. 2018, eq. 1 by their remark 1, λ by their remark 2) over ragged runs of rows:
 *
 *     δ_t = ρ_t (r_t + γ_t V(s_{t+1}) − V(s_t))                             ρ_t = min(ρ̄, π/μ)
 *     v_t = V(s_t) + δ_t + γ_t c_t (v_{t+1} − V(s_{t+1}))                   c_t = λ min(c̄, π/μ)
 *
 * v_{t+1} is V(s_{t+1}) at the end of a run; after a terminated step there is nothing. Where π is μ and
 * neither bound is below 1, v is the return of prl_gae, to the last bit. ratio (rows): π/μ of the action that
 * was taken, ≥ 0; the other arrays are those of prl_gae.
 * → ahead (rows): v_t − V(s_t); returns (rows): v_t. They must not alias the inputs. Float64 inside. */
void prl_vtrace(int64_t rows, const float *reward, const float *value, double mean, double std,
                const int32_t *successor, const double *discount, const float *ratio,
                prl_correction correction, float *ahead, float *returns);
/* What the actor follows (Espeholt et al. 2018, section 4.2):
 *
 *     A_t = ρ_t (r_t + γ_t v_{t+1} − V(s_t))
 *
 * returns (rows): v, of prl_vtrace; the other arrays are as there. → advantage (rows). */
void prl_vtrace_advantages(int64_t rows, const float *reward, const float *value, double mean, double std,
                           const int32_t *successor, const double *discount, const float *ratio, double rho,
                           const float *returns, float *advantage);

/* Rows of a pair of streams, from first to end each. */
typedef struct prl_pair_rows {
  int64_t first, first_end, second, second_end;
} prl_pair_rows;
typedef struct prl_pair_counts {
  int64_t pairs, alike; /* of episodes; of these with as many steps */
} prl_pair_counts;
/* Antithetic differences. Draws last for `every` steps (0: an episode). Of each draw's rows, (G₊ − G₋)/2 for
 * the first stream's and minus that for the second's, G being what `returns` has where the draw begins; 0 for
 * a stream whose episode was over by then. Episodes are compared in their order; a row whose step is not
 * above that of the row before it begins one. Others' rows of difference stay as they are. */
void prl_pairs_differ(const uint32_t *step, prl_pair_rows rows, uint32_t every, const float *returns,
                      float *difference, prl_pair_counts *counts);

#endif
