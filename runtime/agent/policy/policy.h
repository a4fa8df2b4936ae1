/* The policy: the published version of what acts. It owns copies of the parameter sets that its programs
 * read, the statistics that normalise observations, and the draws of actions; it changes in
 * prl_policy_publish alone, so that every log-density belongs to a policy that existed. */
#ifndef PRL_AGENT_POLICY_POLICY_H
#define PRL_AGENT_POLICY_POLICY_H

#include "agent/plan/live.h"
#include "agent/plan/sets.h"
#include "agent/plan/shape.h"
#include "perilune/agent.h"
#include "rl/normaliser.h"

typedef struct prl_policy prl_policy;

enum { PRL_TRIAL_ROWS = 8 }; /* in which a policy is tried before it comes into force */

/* What acting takes of memory by capacities; programs and parameters apart. */
int64_t prl_policy_bytes(const prl_shape *shape);
/* The programs "act" and, where there are any, "density" and "densities" of the plan's document. What is
 * given must outlive the policy. Fails: PRL_EFORMAT, PRL_ENOMEM. */
prl_status prl_policy_new(prl_runtime *runtime, const prl_value *root, const prl_shape *shape,
                          const prl_sets *sets, const prl_live *live, prl_policy **out, prl_error *error);
void prl_policy_free(prl_policy *policy);
prl_status prl_policy_blocks(prl_policy *policy, prl_blocks *blocks, prl_error *error);
/* After the blocks were read from a file. False: they hold what cannot be. */
bool prl_policy_restore(prl_policy *policy);
/* What one policy hands to another: the parameters that act, of sets that were taken over (extent[i]: how
 * much of set i of the new sets, as growth says), and the statistics of observations. True: both act the same
 * in every byte. */
bool prl_policy_take(prl_policy *to, const prl_policy *from, const prl_extent *extent,
                     const struct prl_growth *growth, prl_migration *migration);
/* Goes on as the next version of `from`, or as the same one, for the same streams. */
void prl_policy_continue(prl_policy *to, const prl_policy *from, bool same);
bool prl_policy_normalises(const prl_policy *policy); /* observations */
/* Whether what acts has a density: `act` gives log_prob. Else that of a row is not a number. */
bool prl_policy_dense(const prl_policy *policy);

/* Parameters, statistics of observations and frozen live options come into force together, as a new version,
 * if every parameter of the learner is finite and `act` gives finite actions and densities by them in a few
 * of these rows: the normalised observations of the last batch. Else the version in force stays, and the
 * learner goes back to its parameters. Fails: PRL_ENUMERIC, naming the parameter, or the output and its row.
 */
prl_status prl_policy_publish(prl_policy *policy, const float *observation, int64_t rows, prl_error *error);
int64_t prl_policy_version(const prl_policy *policy);
/* The version in force is that of this number from now on: versions of several workers are counted together.
 */
void prl_policy_number(prl_policy *policy, int64_t version);
/* The parameters in force of one set; NULL: nothing that acts reads it. */
const prl_params *prl_policy_published(const prl_policy *policy, int set);

double prl_policy_live(const prl_policy *policy, int option);          /* a live option's value in force */
const prl_normaliser *prl_policy_statistics(const prl_policy *policy); /* of observations; NULL: none */

/* ---- observations ---- */

/* Fails: PRL_ENUMERIC (row and name of the first observation (n, observations) that is not finite),
 * PRL_EINVAL (of one that is an id and out of its range). */
prl_status prl_policy_check(const prl_policy *policy, const float *observation, int64_t n, prl_error *error);
/* Raw observations of rows (n, with the states of a memory, which stay as they are) → what programs read,
 * where they stand. */
void prl_policy_normalise(const prl_policy *policy, int64_t n, float *observation);
/* Adds raw observations of rows to the statistics, which come into force with the next version. */
void prl_policy_gather(prl_policy *policy, int64_t n, const float *observation);
/* Its statistics of observations; NULL: nothing normalises them. */
struct prl_normaliser *prl_policy_normaliser(prl_policy *policy);

/* ---- acting ---- */

/* Where the draws of rows that are not recorded come from: (seed, stream, episode, step); and the policy's
 * memory of them. */
typedef struct prl_draw_address {
  const uint64_t *streams;
  const uint32_t *episode, *step; /* NULL: 0; the number of calls so far */
  float *memory; /* (n, memory): the states of the rows' memories, which the call moves on; NULL: those of the
                  * streams' running episodes, which stay */
  bool recorded; /* the draws are those of the stream's recorded decision of that episode and step */
  const uint8_t *arm; /* (n): which of several policies acts; NULL: the first */
} prl_draw_address;

/* After prl_experience_enter: streams whose episode begins get the arm that serves it, by the bucket of their
 * groups (NULL: their own) and the shares in force; rows that are not recorded are served by the first. */
void prl_policy_assign(const prl_policy *policy, prl_experience *experience, const uint64_t *streams,
                       const uint64_t *groups, int64_t n);

/* Which of several policies serves the next episode of a group, by the shares in force. */
uint8_t prl_policy_arm(const prl_policy *policy, uint64_t group);

/* n actions (n, actions) for finite observations. address NULL: the rows are those that prl_experience_enter
 * has just found places for. Fails: PRL_ENUMERIC (an action that is not finite). */
prl_status prl_policy_act(prl_policy *policy, const prl_experience *experience, const float *observation,
                          int64_t n, prl_mode mode, const prl_draw_address *address, float *action,
                          prl_error *error);
/* The log-densities of the last call, of its first prl_policy_acted rows: at most capacity.streams or
 * capacity.act, whichever is more. */
const float *prl_policy_log_prob(const prl_policy *policy);
/* In the chosen rows of a call of n, at most so many, those of another policy take their place, and so does
 * what the states of its memory came to. */
void prl_policy_replace(prl_policy *to, const prl_policy *from, const uint8_t *chosen, int64_t n);
int64_t prl_policy_acted(const prl_policy *policy);
/* Of the same rows the numbers of their draws that last (rows, n), for the experience; NULL: there are none.
 */
const float *prl_policy_lasting(const prl_policy *policy);
/* What the states of the rows' memories came to, of the same rows (…, memory). */
const float *prl_policy_memory(const prl_policy *policy);
/* Whether a program of this name is one of the two below, which are made when they are first asked for. */
bool prl_policy_is_density(const char *name);
/* Continuous actions (n, actions) into their bounds: what is recorded is the draw before the cut, of which
 * the density is known. */
void prl_policy_cut(const prl_policy *policy, int64_t n, float *action);
/* Fails: PRL_ENUMERIC (an action that is not finite: row and name), PRL_EINVAL (one that is no choice of its
 * dimension). */
prl_status prl_policy_check_actions(const prl_policy *policy, const float *action, int64_t n,
                                    prl_error *error);
/* Log-densities of the actions (n, actions), whole numbers for choices, at finite observations → log_prob
 * (n). Fails: PRL_EABSENT (the plan has no program "density"), PRL_EINVAL (no choice of its dimension, not
 * finite). */
prl_status prl_policy_density(prl_policy *policy, const float *observation, const float *action, int64_t n,
                              float *log_prob, prl_error *error);
/* The numbers of a row of prl_policy_densities: Σ choices; 0: actions are continuous, or the plan has none.
 */
int64_t prl_policy_choices(const prl_policy *policy);
/* Log-probabilities of all choices → (n, choices). Fails: PRL_EABSENT. */
prl_status prl_policy_densities(prl_policy *policy, const float *observation, int64_t n, float *log_probs,
                                prl_error *error);

/* ---- a version apart (version.c) ---- */

/* What acts, as bytes: the published parameters, what normalises observations, live options that `act` reads,
 * shares of several policies. The other policy's document has the keys that acting reads of this one's
 * (agent/form.c). */
int64_t prl_policy_version_bytes(const prl_policy *policy);
void prl_policy_write_version(const prl_policy *policy, void *to);
void prl_policy_read_version(prl_policy *policy, const void *from);
bool prl_policy_reads(const prl_policy *policy, int option); /* whether `act` reads a live option */
/* Why no policy apart from the streams can act so; NULL: one can. A constant string. */
const char *prl_policy_bound(const prl_policy *policy);

/* A call of the host has been answered: draws of rows without a place move on. */
void prl_policy_answered(prl_policy *policy);

#endif
