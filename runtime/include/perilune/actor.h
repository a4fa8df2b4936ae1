/* perilune/actor.h: acting apart from learning. A learner thread owns the agent; actor threads act by
 * snapshots of its published policy, and wait for no update, swap or save.
 *
 *     prl_agent_snapshot(agent, &snapshot, &error);                    // an actor's thread
 *     prl_actor_act(actor, snapshot, &made, PRL_SAMPLE, &error);
 *     prl_snapshot_release(snapshot);
 *
 *     prl_agent_record(agent, &made, decisions, &error);               // the learner's, from an ordered log
 *     prl_agent_feedback(agent, decisions, response, NULL, NULL, n, &error);
 *     prl_agent_learn(agent, 500, &progress, &error);
 *
 * Threads. prl_agent_snapshot may be called from any thread at any time after its first call, which the
 * thread that uses the agent makes, and before prl_agent_free; so may prl_snapshot_retain, _release, _version
 * and _hash. None of them takes a lock or allocates (but the first call): neither side waits for the other.
 * An actor is used by one thread at a time, and has a runtime of its own thread. All else of an agent,
 * prl_agent_record too, is for the thread that uses it.
 *
 * Memory. Snapshots belong to the agent's runtime. Those that are released are used again: there are as many
 * as were ever held at once, and two. Where there is no memory for another one, the newest stays the one
 * before, and prl_agent_notice says so. Snapshots may outlive the agent: the last release then gives the
 * memory back, by the rule that one thread at a time uses a runtime. */
#ifndef PERILUNE_ACTOR_H
#define PERILUNE_ACTOR_H

#include "perilune/agent.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct prl_snapshot prl_snapshot; /* one version of a policy: immutable, counted */
typedef struct prl_actor prl_actor;       /* what a thread needs to act by snapshots: programs and buffers */

/* The newest published version: parameters, statistics of observations, live options that acting reads,
 * shares of several policies, and the control group's policy. From the first call on, the agent puts a copy
 * of what acts there with each version that it publishes and each swap that comes into force. *out is
 * retained: release it. Fails: PRL_EABSENT (acting needs what streams did before: the policy has a memory, or
 * its noise is a process or lasts beside other noise), PRL_ENOMEM (the first call). */
PRL_API prl_status prl_agent_snapshot(prl_agent *agent, prl_snapshot **out, prl_error *error);
/* Adds or drops a reference. retain returns its argument. */
PRL_API prl_snapshot *prl_snapshot_retain(prl_snapshot *snapshot);
PRL_API void prl_snapshot_release(prl_snapshot *snapshot);
/* The version, as prl_progress has it; 0 for NULL. */
PRL_API uint64_t prl_snapshot_version(const prl_snapshot *snapshot);
/* The hash of the recipe that was in force: 32 hexadecimal digits. Borrowed: valid while the snapshot is
 * held.
 */
PRL_API const char *prl_snapshot_hash(const prl_snapshot *snapshot);

/* What acts for a row, where that is not one of several policies, which count from 0. */
#define PRL_ARM_BASELINE 255 /* the control group's policy */

/* Decisions: what prl_actor_act is asked and answers, and what prl_agent_record enters. n rows in each array.
 *
 * A decision's number is its place in its stream: episode << 32 | step, the episodes of a stream and the
 * steps of an episode counted from 0; an episode's number is below 2^31. Its draws have the address (seed,
 * stream, number): they are those of prl_agent_act for the same step of the same episode, so that equal draws
 * give equal bytes. */
typedef struct prl_decisions {
  int64_t n;
  const uint64_t *streams;
  const uint64_t *groups; /* as in prl_agent_act; NULL: each stream is its own */
  const uint64_t
      *numbers; /* NULL: acting draws as if all were 0 (a stream's key is then that of the request);
                 * recording takes each as the stream's next, and cannot tell one that comes twice */
  const float *observation; /* (n, observations) */
  float *action;            /* (n, actions): what to do, within its bounds. Recording does not read it */
  float *drawn;             /* (n, actions): the draw before it was clipped. What is recorded */
  float *log_prob; /* (n): its log-density; not a number where what acts has none. Recording reads it, unless
                    * what acts has no density */
  uint8_t *arms;   /* (n): which policy acted. Acting may leave it out (NULL); recording, too, where the agent
                    * has one policy and no control group */
  uint64_t *versions; /* (n): of the policy that acted, likewise of acting alone */
} prl_decisions;

/* An actor that acts by snapshots such as this one; `runtime` is that of the thread that will act. Results
 * are in the bytes of the runtime's kernels (prl_runtime_kernels). Fails: PRL_ENOMEM. */
PRL_API prl_status prl_actor_new(prl_runtime *runtime, prl_snapshot *snapshot, prl_actor **out,
                                 prl_error *error);
PRL_API void prl_actor_free(prl_actor *actor);
/* Acts by a snapshot for made->n rows: reads streams, groups, numbers and observation, writes the other
 * arrays. Each row is that of prl_agent_act under the same version: the mean action during the plan's warm-up
 * and for the control group, whom prl_bucket of a row's group tells. A stream may come several times. The
 * actor copies a version's parameters when it first meets it, and holds the snapshot until it meets another
 * one. It allocates where the snapshot has other networks than the one before (a swap), and nothing else.
 * Fails: PRL_ENUMERIC (an observation that is not finite: row and name; an action that is not: rows),
 * PRL_EINVAL (an id out of its range; a number of an episode from 2^31 on), PRL_ENOMEM. After a failure the
 * arrays may be written in part. */
PRL_API prl_status prl_actor_act(prl_actor *actor, prl_snapshot *snapshot, const prl_decisions *made,
                                 prl_mode mode, prl_error *error);

/* Enters decisions that were made elsewhere, in the order of the rows: decisions (n) are their ids, for what
 * follows as after prl_agent_act, 0 where there is no room. A stream may come several times, its decisions in
 * the order in which they were made, at the agent's time now. A decision whose predecessor is missing counts
 * as a later step of its episode. A row that is refused has the id 0; the others are entered, and the first
 * refusal is returned. Allocates nothing. Fails: PRL_ENUMERIC (an observation, action or density that is not
 * finite: row and name), PRL_EINVAL (an action that is no choice; a version that was never published; a
 * number that its stream has passed, so that it was recorded already or comes too late, or of an episode
 * before the running one has been finished; a policy that there is not; a group that the other side of the
 * control group serves), PRL_ESTATE (the policy has a memory or draws that last, which are recorded by
 * prl_agent_act alone). */
PRL_API prl_status prl_agent_record(prl_agent *agent, const prl_decisions *made, uint64_t *decisions,
                                    prl_error *error);

#ifdef __cplusplus
}
#endif
#endif
