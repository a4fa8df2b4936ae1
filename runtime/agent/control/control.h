/* The control group: a share of the users whom a fixed policy serves beside the one that learns. It has an
 * experience of its own, so that nothing of it is learned from, and tells by how much each response of the
 * learning policy differs from the fixed one's at the same time. */
#ifndef PRL_AGENT_CONTROL_CONTROL_H
#define PRL_AGENT_CONTROL_CONTROL_H

#include "agent/control/shares.h"
#include "agent/policy/policy.h"
#include "rl/units.h"

typedef struct prl_control prl_control;

/* What capacities take, beside the program "act" and the parameters of the fixed policy; 0: the plan has no
 * control group. own: the shape of the agent. Fails: PRL_EFORMAT, PRL_ENOMEM. */
prl_status prl_control_bytes(const prl_value *root, const prl_shape *own, int64_t *out, prl_error *error);
/* `control` of the plan's document; *out NULL where there is none. own and root must outlive it. values as
 * for prl_sets_new. Fails: PRL_EFORMAT, PRL_ENOMEM. */
prl_status prl_control_new(prl_runtime *runtime, const prl_value *root, const prl_shape *own,
                           const prl_plan *values, prl_control **out, prl_error *error);
void prl_control_free(prl_control *control);
prl_status prl_control_blocks(prl_control *control, prl_blocks *blocks, prl_error *error);
/* After the blocks were read from a file. Fails: PRL_EFORMAT. */
prl_status prl_control_restore(prl_control *control, prl_error *error);

prl_experience *prl_control_experience(const prl_control *control);
prl_policy *prl_control_policy(const prl_control *control);

/* Whether the stream's next decision is the fixed policy's: where no episode of the stream runs, by the
 * bucket of its group; else by who began it. own: the experience of the policy that learns. */
bool prl_control_serves(const prl_control *control, const prl_experience *own, uint64_t stream,
                        uint64_t group);
/* Whether an episode of the stream runs that the fixed policy began. */
bool prl_control_runs(const prl_control *control, uint64_t stream);

/* An update begins: closed rows leave the experience. */
void prl_control_freeze(prl_control *control);
/* Whether a ramp is under way, whose updates may be far apart, and half of the experience is full of steps
 * that could be counted. */
bool prl_control_crowded(const prl_control *control);
/* Of the last freeze. What is counted of it is counted before the verb ends that froze: a file has nothing of
 * it. */
const prl_batch *prl_control_batch(const prl_control *control);
/* The values of an expression over the batch's responses (rows), valid until the next call. */
const float *prl_control_rewards(prl_control *control, prl_expression *expression);

/* Whether streams of the policy that learns have twins of the same keys in the control group. Only those that
 * have one are then compared with it, since users differ more from each other than from themselves. */
void prl_control_pair(prl_control *control, bool paired);
bool prl_control_paired(const prl_control *control);
/* Whether what this stream of the policy that learns, a slot of `own`, comes to is compared with the control
 * group. */
bool prl_control_compares(const prl_control *control, const prl_experience *own, int32_t slot);

/* Counts rows of the policy that learns, whose streams are those of `experience`: of several policies those
 * of the first. */
void prl_control_count_own(prl_control *control, const prl_batch *own, const prl_experience *experience);
/* Counts both sides' rows of an update, each once. */
void prl_control_count(prl_control *control, const prl_batch *own, const prl_experience *experience);
/* The lift of a response: by how much the mean of a unit under the policy that learns is above that of the
 * control group, relative to its size. *half: half of its 95 % interval; NaN where there are fewer than four
 * clusters of streams on a side. False: a side has no unit yet, or the control group's mean is 0. */
bool prl_control_lift(const prl_control *control, int32_t response, double *lift, double *half);

/* ---- guards (control/guards.h) ---- */

/* A policy was swapped in, and what the plan's guards count begins anew; or they have nothing to judge. own:
 * the experience of the policy that learns. */
void prl_control_guard(prl_control *control, const prl_experience *own, bool swapped);
/* Rows of the policy that learns, for the guards; and both sides' rows of an update that begins. */
void prl_control_enter_own(prl_control *control, const prl_batch *own, const prl_experience *experience);
void prl_control_enter(prl_control *control, const prl_batch *own, const prl_experience *experience);
/* ---- a ramp (control/shares.h) ---- */

bool prl_control_can_ramp(const prl_control *control); /* the plan has shares, and a guard on a response */
/* What was swapped in serves the first share, before prl_control_guard; or nothing is ramped. */
void prl_control_ramp(prl_control *control, bool begins);
/* The next share comes into force, if its guards hold and enough users counted; these count anew then, since
 * those of both sides must enter at the same time. True: it did. */
bool prl_control_advance(prl_control *control, const prl_experience *own);
const prl_shares *prl_control_shares(const prl_control *control);

int prl_control_guards(const prl_control *control);   /* how many there are */
int prl_control_measured(const prl_control *control); /* of these on responses: the first */
/* Looks at them, at the end of an update, in which the policy moved by kl (NaN: not told). True: *fired has.
 */
bool prl_control_judge(prl_control *control, double kl, int *fired);
/* What is known of a guard; its name is the plan's. */
void prl_control_guard_of(const prl_control *control, int guard, prl_guard *out);

#endif
