/* By how much the mean of one group of users is above that of another, as an interval that may be looked at
 * after every user: an asymptotic confidence sequence (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024,
 * "Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics 52).
 *
 * Users of two arms that run at once, each with one value, independent of one another: n₁ users of the policy
 * with mean m₁ and variance s₁², n₀ of the baseline with m₀ and s₀². For a bound b of the lift, θ = μ₁ − c μ₀
 * with c = 1 + b sgn(m₀) is estimated by m₁ − c m₀, whose variance is v = s₁²/n₁ + c² s₀²/n₀. That is their
 * estimator of an average effect in a randomised experiment, with the arms' own means for the outcomes; the
 * boundary is their one-sided one, written for the time h ρ²:
 *
 *     r = √( 2 v (1 + 1/x) log(1 + √(1 + x)/(2 α)) ),   x = h ρ²,   1/h = 1/n₁ + 1/n₀
 *
 * Each of m₁ − c m₀ − r and m₁ − c m₀ + r is passed by θ at any time with a probability of about α. ρ is such
 * that r is least at h = users (their approximation, for 2 α): ρ² users = −2 log(2α) + log(1 − 2 log(2α)).
 * Than one that is made for them r is about a quarter wider at a tenth as many users, and a fifteenth at ten
 * times as many. */
#ifndef PRL_RL_CONFIDENCE_H
#define PRL_RL_CONFIDENCE_H

#include <stdbool.h>
#include <stdint.h>

/* What is known of one arm: count, mean and Σ (value − mean)² (Welford 1962). Three numbers that a file
 * holds. */
typedef struct prl_moments {
  double n, mean, squares;
} prl_moments;

void prl_moments_add(prl_moments *moments, double value);
/* Whether these may be moments of some values. */
bool prl_moments_hold(const prl_moments *moments);

/* What a sequence is for. */
typedef struct prl_confidence {
  double bound; /* b: of the lift m₁/m₀ − 1, less where it may only fall so far */
  double level; /* α of one side, above 0 and at most 1/4 */
  double users; /* h at which the interval is tightest */
} prl_confidence;

/* Fewer users of an arm say nothing: the variance of a heavy tail is not known before. */
enum { PRL_CONFIDENCE_LEAST = 100 };

/* As lifts, relative to |m₀|: θ/|m₀| + b. */
typedef struct prl_interval {
  double lift, low, high;
} prl_interval;

/* The interval of now. False: an arm has fewer than PRL_CONFIDENCE_LEAST users or no variance, or m₀ is 0. */
bool prl_confidence_interval(const prl_confidence *confidence, const prl_moments *policy,
                             const prl_moments *baseline, prl_interval *out);

#endif
