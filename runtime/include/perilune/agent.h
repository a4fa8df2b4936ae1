/* perilune/agent.h: the embeddable agent: policy, critics, objective, experience and learner behind a few
 * calls. The trainer, a server and a game host all use the agent through these calls. It runs no Lua.
 *
 *     prl_plan_load(runtime, "npc.lua", NULL, &plan, &error);      // needs Lua; prl_agent_load does not
 *     prl_agent_new(plan, &agent, &error);
 *     prl_agent_act(agent, streams, NULL, observation, n, PRL_SAMPLE, action, decisions, &error);
 *     prl_agent_feedback(agent, decisions, response, NULL, NULL, n, &error);
 *     prl_agent_learn(agent, 500, &progress, &error);
 *
 * Time comes from the caller (prl_agent_time), in µs. The machine's clock is read only for the budget of
 * prl_agent_learn and for watches.
 *
 * Words: a stream is one user, creature or instance that acts again and again; an episode is a part of its
 * life that ends; a decision is one action of one stream, with the id under which feedback for it comes
 * (runtime/GLOSSARY.md has the other words). Every array has its rows first: (n, width), contiguous. */
#ifndef PERILUNE_AGENT_H
#define PERILUNE_AGENT_H

#include "perilune/core.h"
#include "perilune/env.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct prl_plan prl_plan; /* a resolved recipe, its programs and its schedule, as plain data */
typedef struct prl_agent prl_agent;

typedef enum prl_mode {
  PRL_SAMPLE,
  PRL_MEAN
} prl_mode; /* mean: the mean, or most probable, action; it is recorded like a sample */
typedef enum prl_finish { PRL_TERMINATED, PRL_TRUNCATED } prl_finish_reason;

typedef struct prl_plan_options {
  uint64_t seed; /* replaces train.seed if seed_given; at most 2^53 */
  bool seed_given;
  bool trust;             /* whether code files beside the recipe may run */
  const char *const *set; /* (set_count) overrides, "path=value" */
  int set_count;
} prl_plan_options;

/* Evaluates a recipe in its sandbox and builds its plan. options may be NULL; they are read during the call
 * only. Fails: PRL_EFORMAT (a mistake in the recipe: file, line, the nearest valid name; of several how many,
 * and as many as the message holds, a line each), PRL_EIO (it cannot be read), PRL_EINVAL (a seed above
 * 2^53), PRL_ELIMIT (its networks exceed the runtime's budget), PRL_ENOMEM. */
PRL_API prl_status prl_plan_load(prl_runtime *runtime, const char *path, const prl_plan_options *options,
                                 prl_plan **out, prl_error *error);
PRL_API void prl_plan_free(prl_plan *plan);
/* The hash of the resolved recipe: 32 hexadecimal digits. Borrowed: valid until the plan is freed. */
PRL_API const char *prl_plan_hash(const prl_plan *plan);

/* What the schedules of a plan do in a swap (numbers that follow env steps, as in linear {…} of a recipe). */
typedef enum prl_schedules {
  PRL_SCHEDULES_ASK,    /* the swap is refused where it makes a difference, see prl_agent_swap */
  PRL_SCHEDULES_GO_ON,  /* they are at the step at which those of the running agent are */
  PRL_SCHEDULES_RESTART /* they are at their start */
} prl_schedules;
/* Says it of the plan, for all swaps to it that follow. Fails: PRL_EINVAL (no such value). */
PRL_API prl_status prl_plan_schedules(prl_plan *plan, prl_schedules schedules, prl_error *error);

/* A new agent. The plan is copied and may be freed. Fails: PRL_EFORMAT (a malformed plan, which a recipe
 * never gives), PRL_ENOMEM, PRL_ELIMIT (the agent needs more memory than is left of the runtime's budget;
 * added up before any of it is allocated: the option that takes most). */
PRL_API prl_status prl_agent_new(const prl_plan *plan, prl_agent **out, prl_error *error);
PRL_API void prl_agent_free(prl_agent *agent);

/* The agent's shape: names, units and bounds of its observations, actions and responses (unknown bounds are
 * infinite); the other fields are 0. Borrowed: valid until the agent is freed or a swapped plan comes into
 * force. */
PRL_API const prl_env_spec *prl_agent_spec(const prl_agent *agent);
/* The hash of the recipe in force: 32 hexadecimal digits. Borrowed likewise. */
PRL_API const char *prl_agent_hash(const prl_agent *agent);

/* Sets the agent's time, in µs, from 0 to 2^60. Waits for feedback end, idle streams are truncated, and
 * critics with a discount by time discount by it: set it before each of the other calls. Fails: PRL_EINVAL
 * (earlier than now, or out of range: both times). */
PRL_API prl_status prl_agent_time(prl_agent *agent, int64_t now_us, prl_error *error);
/* The agent's time, in µs: 0 in a new agent. prl_agent_time sets it, and driving an environment with a clock
 * advances it by the longest of the instances' steps. It is saved: a host that continues with a saved agent
 * counts from here. */
PRL_API int64_t prl_agent_now(const prl_agent *agent);

/* Acts for n streams, each at most once in a call: observation (n, observations) → action (n, actions) and
 * decisions (n). All arrays are copied. Allocates nothing.
 *
 * A discrete action is a whole number. A continuous action is clipped to its declared bounds; what is learned
 * from is the draw before clipping, with its density (`bounded` in a recipe keeps only the mean within them).
 * A decision is 0 where the row could not be recorded because the declared capacity is full (counted as
 * `dropped_steps`). decisions NULL: nothing is recorded or learned (evaluation, serving without learning).
 * Where the policy has a memory (policy.memory), its state goes on from each decision of a stream to the next
 * of the same episode, also of those that could not be recorded, and is empty where an episode begins or the
 * stream has no place; with decisions NULL the stream's state is read and stays as it is.
 * During the plan's warm-up steps mode is always PRL_MEAN. groups (n): the users that streams belong to;
 * NULL: each stream is its own. Where the plan has a control group, prl_bucket of a group decides whether the
 * stream's next episode is served by the fixed policy, whose mean action is taken; a stream counts as one
 * that comes twice only within capacity.streams rows then.
 *
 * Fails: PRL_EINVAL (a stream twice; n below 0 or above 2^28, as in every call; an observation that is an id
 * and not one of the policy's, as wherever observations are given: row and name), PRL_ENUMERIC (an
 * observation that is not finite: row and name; nothing was recorded. An action that is not finite: rows). */
PRL_API prl_status prl_agent_act(prl_agent *agent, const uint64_t *streams, const uint64_t *groups,
                                 const float *observation, int64_t n, prl_mode mode, float *action,
                                 uint64_t *decisions, prl_error *error);
/* The log-densities with which the last call of prl_agent_act or prl_agent_drive drew its actions; not a
 * number where what acts has no density (its noise is a process). *n is the
 * number of rows: those of the call, at most the greater of capacity.streams and capacity.act. Borrowed:
 * valid until the next call on the agent. */
PRL_API const float *prl_agent_act_log_prob(const prl_agent *agent, int64_t *n);
/* Log-densities of given actions (n, actions) under the published policy, at observations (n, observations) →
 * log_prob (n); log-probabilities where actions are discrete. For continuous actions it is the density of the
 * draw before clipping. Nothing is recorded. The first call allocates the program. Fails: PRL_ENUMERIC (an
 * observation or an action that is not finite: row and name), PRL_EINVAL (an invalid choice: row and name),
 * PRL_EABSENT (the agent was saved without a density program, or its policy has a memory, so that densities
 * depend on more than these rows), PRL_ENOMEM. */
PRL_API prl_status prl_agent_log_prob(prl_agent *agent, const float *observation, const float *action,
                                      int64_t n, float *log_prob, prl_error *error);
/* Log-probabilities of all choices at observations (n, observations) → log_probs (n, prl_agent_choices):
 * those of the first dimension, then those of the next. Fails: PRL_EABSENT (actions are continuous, or as
 * prl_agent_log_prob), PRL_ENUMERIC (an observation that is not finite: row and name), PRL_ENOMEM. */
PRL_API prl_status prl_agent_log_probs(prl_agent *agent, const float *observation, int64_t n,
                                       float *log_probs, prl_error *error);
/* The sum of choices over the dimensions of the action; 0 where actions are continuous, the agent was saved
 * without a density program, or its policy has a memory. */
PRL_API int64_t prl_agent_choices(const prl_agent *agent);
/* How many critics the objective has; 0 for NULL. */
PRL_API int prl_agent_critics(const prl_agent *agent);
/* The name of a critic, from 0; NULL: there is none. Borrowed: valid until the agent is freed or a swapped
 * plan comes into force. */
PRL_API const char *prl_agent_critic(const prl_agent *agent, int critic);
/* What each critic expects of observations (n, observations): the discounted sum of its rewards under the
 * policy that acts, → values (n, critics), in units of the reward. By the learner's parameters, which between
 * two updates are those of the published version, and the statistics in force. All arrays are copied. Fails:
 * PRL_EABSENT (the algorithm learns no values of states, or the policy has a memory, so that they depend on
 * more than these rows), PRL_ENUMERIC (an observation that is not finite:
 * row and name; a value that is not). */
PRL_API prl_status prl_agent_values(prl_agent *agent, const float *observation, int64_t n, float *values,
                                    prl_error *error);
/* The reward of each critic for responses (n, responses) → rewards (n, critics), as the recipe says it,
 * undivided by its scale. Fails: PRL_ENUMERIC (a reward that is not finite: critic and row). */
PRL_API prl_status prl_agent_rewards(prl_agent *agent, const float *response, int64_t n, float *rewards,
                                     prl_error *error);
/* How many numbers the networks consist of that compute values of states. Fails: PRL_EABSENT (as
 * prl_agent_values), PRL_ENOMEM. */
PRL_API prl_status prl_agent_value_parameters(const prl_agent *agent, int64_t *count, prl_error *error);
/* Gives the next observation (n, observations) of n streams before they act again: it closes their open
 * steps. Optional; otherwise the next prl_agent_act closes them. A stream without an open step is passed
 * over. observation is copied. Fails: PRL_ENAME (an unknown stream; the other rows are applied), PRL_ENUMERIC
 * (an observation that is not finite: row and name; nothing is applied). */
PRL_API prl_status prl_agent_observe(prl_agent *agent, const uint64_t *streams, const float *observation,
                                     int64_t n, prl_error *error);
/* Reports responses (n, responses) for n decisions. Decision 0 is passed over. present (n, responses): 1
 * where a response came; NULL: all came. events (n): ids of the reports; 0 or NULL: none. A report with the
 * same decision and id counts once. Several reports for one step combine as each response declares. Feedback
 * for a step that is frozen or learned already is counted (`late_feedback`), however late it comes; it
 * reaches the step where a replay memory still holds it, and is ignored otherwise. All arrays are copied.
 * Fails: PRL_ENAME (a decision that was never made: its number), PRL_ENUMERIC (a response that is not
 * finite), PRL_ELIMIT (no room for another event id: capacity.events); in each case the other rows are
 * applied. */
PRL_API prl_status prl_agent_feedback(prl_agent *agent, const uint64_t *decisions, const float *responses,
                                      const uint8_t *present, const uint64_t *events, int64_t n,
                                      prl_error *error);
/* Ends a stream's episode. A truncated episode is bootstrapped from final_observation (observations), which
 * is copied; NULL: from the last observation acted on. A terminated one needs none; where the plan has a
 * novelty (exploration = {"rnd"}), it is a state whose novelty counts. Fails: PRL_ENAME (an unknown stream,
 * or one without an open episode), PRL_ENUMERIC (an observation that is not finite: stream and name). */
PRL_API prl_status prl_agent_finish(prl_agent *agent, uint64_t stream, prl_finish_reason reason,
                                    const float *final_observation, prl_error *error);
/* Ends every open episode, as prl_agent_finish does without a final observation. Returns how many there were;
 * −1 for an invalid reason. A host that serves an agent trained in a simulator calls it first: the streams of
 * the simulator would otherwise keep their slots among capacity.streams. */
PRL_API int64_t prl_agent_finish_all(prl_agent *agent, prl_finish_reason reason);

typedef struct prl_progress {
  bool waiting;     /* there are not enough closed steps for another update */
  int64_t updates;  /* finished since the agent was made */
  int64_t steps;    /* decisions recorded since the agent was made */
  uint64_t version; /* of the published policy */
  const char *verb; /* that learning goes on with: the update's first one between two updates */
} prl_progress;

/* Learns until too few steps are closed, or for about budget_us µs (0: no bound; 1: one verb, or one
 * instruction of a program, at any pace of the machine); it may stop inside an update, and the next call
 * continues there. progress may be NULL. A policy is published only if all parameters are finite and it acts
 * on rows of the last batch. Allocates nothing, but where a guard fires.
 * Fails: PRL_EINVAL (budget_us < 0), PRL_ENUMERIC (names the program with its op and output, the critic, or
 * the parameter). The published policy then stays in force, and every further call fails likewise until
 * another plan is swapped in. PRL_ENOMEM, PRL_ELIMIT (a guard fired, and there is no room for the agent
 * before the swap; the next update tries again). */
PRL_API prl_status prl_agent_learn(prl_agent *agent, int64_t budget_us, prl_progress *progress,
                                   prl_error *error);

/* Trains on a vector env of the plan's shape: act, step, feedback, finish, observe, learn, until at least
 * `steps` env steps are made, counted over all instances, or, if stop_at_update, an update is published. The
 * first call for a vector env resets it; the agent then keeps a pointer to it until it drives another one.
 * *made: the steps made, also after a failure; made may be NULL. Fails: PRL_ESHAPE (another shape),
 * PRL_EINVAL (the environment has no clock, and a critic discounts by time), PRL_ENOMEM, or as act, learn and
 * the environment's step do. */
PRL_API prl_status prl_agent_drive(prl_agent *agent, prl_vecenv *env, int64_t steps, bool stop_at_update,
                                   int64_t *made, prl_error *error);

/* The greatest lag of prl_agent_lag. */
#define PRL_LAG_MOST 10000

/* For experiments: from here on prl_agent_drive acts by the policy that was published `updates` updates ago,
 * or by the first where there were fewer; 0: by the newest. Steps are recorded as of the version that acted,
 * and an algorithm drops or corrects them as it does with older steps. It takes the memory of so many
 * versions as they are published, and is no part of a saved agent: one that is loaded has no lag until it is
 * set again, and then begins with one version. Fails: PRL_EINVAL (updates below 0 or above PRL_LAG_MOST),
 * PRL_ESTATE (the agent has a control group, or learns from pairs), PRL_EABSENT (as prl_agent_snapshot),
 * PRL_ENOMEM. */
PRL_API prl_status prl_agent_lag(prl_agent *agent, int64_t updates, prl_error *error);

/* Sets the watch of prl_agent_drive, prl_agent_evaluate and prl_agent_rollout; it is copied, its context must
 * outlive the agent. A drive that the watch stops succeeds with fewer steps made; the next one continues with
 * the same bytes as one uninterrupted drive. */
PRL_API void prl_agent_watch(prl_agent *agent, prl_watch watch);

/* The longest episode of an evaluation where the environment's max_steps is 0. */
#define PRL_EVALUATE_STEPS 1000000

/* Plays whole episodes on a vector env with the published policy; nothing is recorded. The env is reset, and
 * each instance plays its share of `episodes`. responses (episodes, responses): each episode's sums; lengths
 * (episodes): its steps; both in order of (instance, episode), and either may be NULL. Allocates its buffers.
 * Fails: PRL_ENOMEM, PRL_EINVAL (episodes below 1 or above 2^28), PRL_ESHAPE (another shape), PRL_ELIMIT (an
 * episode of more than PRL_EVALUATE_STEPS steps where max_steps is 0), PRL_ESTOPPED, or as act and the env's
 * step do. After a failure some rows of responses and lengths may be written. */
PRL_API prl_status prl_agent_evaluate(prl_agent *agent, prl_vecenv *env, int64_t episodes, prl_mode mode,
                                      double *responses, int64_t *lengths, prl_error *error);

/* What prl_agent_rollout writes; rows are in order of (step, instance), and each array may be NULL. */
typedef struct prl_rollout {
  float *observation;  /* (steps, n, observations), before the action */
  float *response;     /* (steps, n, responses) */
  uint8_t *terminated; /* (steps, n): the episode ended with this step */
  uint8_t *truncated;  /* (steps, n): likewise; not where it terminated */
  int64_t *elapsed_us; /* (steps, n) */
} prl_rollout;

/* Plays `steps` steps of each instance of a vector env, which is reset, with the published policy; nothing is
 * recorded. Draws are those of prl_agent_evaluate. Allocates its buffers. Fails: PRL_ENOMEM, PRL_EINVAL
 * (steps below 1 or above 2^28), PRL_ESHAPE (another shape), PRL_ESTOPPED, or as act and the env's step do.
 * After a failure some rows may be written. */
PRL_API prl_status prl_agent_rollout(prl_agent *agent, prl_vecenv *env, int64_t steps, prl_mode mode,
                                     const prl_rollout *out, prl_error *error);

/* A panel: one policy on a number of users for a number of simulated days. Each user is a stream of the
 * environment from its first episode on and has its own clock, the time that its steps report; what
 * happens after `days` is not counted. Users, their random draws and, for PRL_SAMPLE, the policy's draws
 * depend on seeds and streams alone: two policies on the same panel differ only by what they do, and the
 * numbers do not depend on `threads`. */
typedef struct prl_panel_options {
  const prl_env_type *type;  /* its spec sets `clock` */
  const double *env_options; /* all options, in the order of the type's table */
  uint64_t seed, first_stream;
  int64_t users;
  int32_t days;
  const char
      *agent; /* the file of a saved agent: its published policy, normalisers frozen, nothing recorded */
  const float *constant; /* (actions), where agent is NULL: the same action for every user */
  prl_mode mode;         /* of the agent's policy */
  const int32_t
      *observed; /* (observed_count) observations, from 0, to sum as well, by which users can be grouped */
  int32_t observed_count;
  int threads;                        /* 1 to 64, each with a runtime, an agent and environments of its own */
  const prl_runtime_options *runtime; /* of each thread; NULL: the default. All threads call its allocator */
  prl_watch watch;                    /* told how many users have finished their days */
} prl_panel_options;

/* The number of sums for a user's day: 2 × responses + 2 + actions + observed. 0 for a NULL spec. */
PRL_API int64_t prl_panel_width(const prl_env_spec *spec, int32_t observed);
/* sums (users, days, width): for each user and each day since its first request, in this order: the sum of
 * every response; how often each came (a value other than `missing`); requests; sessions that ended; the sums
 * over requests of every dimension of the action (a continuous one clipped to its bounds) and of the observed
 * components, as the policy saw them. Allocates its buffers. The options are read during the call only.
 * Fails: PRL_EINVAL (a count or an observation out of range; both or neither of agent and constant; an
 * environment without a clock, or whose clock does not reach the end of a user's day), PRL_ESHAPE (the agent
 * has another shape), PRL_ENOMEM, PRL_ESTOPPED, or as prl_agent_load, act and the env's step do. After a
 * failure sums are undefined. */
PRL_API prl_status prl_panel_run(const prl_panel_options *options, double *sums, prl_error *error);

/* Simulated days of all instances together in the last call of prl_agent_drive; 0 without a clock. */
PRL_API double prl_agent_days_driven(const prl_agent *agent);

/* NULL while every decision since the agent was made or loaded could be recorded; then one sentence on the
 * first that could not: which capacity was full, why, and the number to set it to (`agent.rows` follows from
 * the waits and the rate of the decisions until then); or, before that, on a constraint that cannot be met.
 * A guard that fired is said before all of this.
 * Nothing is printed: show it where somebody reads it.
 * Borrowed: until another plan is swapped in. */
PRL_API const char *prl_agent_notice(prl_agent *agent);

/* Sets a live option ("algorithm.lr", "objective.critics.watch.weight", …). The value replaces the recipe's
 * number or schedule from the next update on, until the next set or swap. Fails: PRL_ENAME (no such option:
 * the nearest name), PRL_EINVAL (out of range: the range; a structural option). */
PRL_API prl_status prl_agent_set(prl_agent *agent, const char *option, double value, prl_error *error);
/* Reads a live option: what was set, or the schedule at the present step. Also reads
 * "objective.critics.NAME.scale"; where that is "baseline", it is 1 until the warm-up has measured it. Fails:
 * PRL_ENAME, PRL_EINVAL, as above. */
PRL_API prl_status prl_agent_get(const prl_agent *agent, const char *option, double *value, prl_error *error);

/* Gives a running agent a new recipe. The plan is built now and comes into force between two updates: at
 * once, or when the present one is published. Parameters with the same set and name keep their values
 * and moments, in layers that have grown, too, and critics with the same name their statistics; experience,
 * counters and steps are kept, and a replay memory where the new plan has one, which must not be smaller;
 * options that were set return to the new recipe's. Saving before the plan is in force saves the old recipe.
 * The learned state before the swap is kept for prl_agent_rollback, in place of what an earlier swap kept. An
 * agent whose learning failed can learn again, from its last published parameters. A plan that is in force
 * already changes nothing (prl_agent_in_force); a swap that waits is then taken back. The plan is copied and
 * may be freed. Fails as prl_agent_new does; PRL_EINVAL (observations, actions or responses differ, or a
 * capacity is less: which and how; a network no longer sees an observation: which; one waits for whole
 * episodes and the other for steps; a new critic with the scale "baseline" where no replay memory has 32
 * steps on which it could be measured; what needs densities of actions, after steps that were acted without
 * one; a schedule of the plan is not the running one's, and would be at another number if it goes on than at
 * its start, and prl_plan_schedules did not say which), PRL_ESTATE (during the warm-up; while a rollback
 * waits for the end of an update), PRL_ENUMERIC (the mean of a reward that is measured so is 0 or not
 * finite). The agent is then unchanged.
 */
PRL_API prl_status prl_agent_swap(prl_agent *agent, const prl_plan *plan, prl_error *error);
/* Whether the plan is that in force, so that a swap to it, for everybody or by a ramp, changes nothing: no
 * option was set since, and its schedules are not to start again (prl_plan_schedules). Names and tags of the
 * recipe do not count. False where learning has failed, where prl_agent_swap fails with PRL_ESTATE, and for
 * NULL. */
PRL_API bool prl_agent_in_force(const prl_agent *agent, const prl_plan *plan);
/* Whether prl_agent_swap would be carried out now: PRL_OK, or what it fails with. The agent stays as it is.
 * Fails: as prl_agent_swap. */
PRL_API prl_status prl_agent_swap_check(prl_agent *agent, const prl_plan *plan, prl_error *error);

/* How a new recipe comes into force. */
typedef enum prl_swap_mode {
  PRL_SWAP_APPLY, /* at once, for everybody */
  /* For a share of the users first, by the bucket of their group (prl_bucket, with the salt "ramp"): the
   * others are served by the policy before, as it was, and nothing is learned of them. When all of the plan's
   * guards on responses hold and `after` users of the new policy have counted, the next share comes into
   * force, at the end of an update, and the guards count anew; a guard that fires rolls the agent back, as
   * ever. A stream's policy changes between two of its episodes only: those that run when the swap comes into
   * force are finished by the policy before. Shares and `after` are the new plan's (agent.ramp in a recipe).
   */
  PRL_SWAP_RAMP,
  /* For nobody yet: it learns beside the running agent, from the same rows, while the agent acts and learns
   * as before, in every byte. It begins with what a swap would take over, at once or when the present update
   * is published, and makes an update whenever the agent makes one. What it learns from was acted by another
   * policy: its plan draws from the agent's replay memory, or corrects for what acted (V-trace, capped
   * weights). Multipliers of constraints are the agent's, since what acts moves them. Its metrics come with
   * those of the agent, as "shadow_" + name. One whose learning fails is dropped, and prl_agent_notice says
   * why; a guard that fires takes it along. A saved agent keeps its shadow. While there is one no other
   * recipe can be swapped in; prl_agent_confirm brings it into force, prl_agent_rollback drops it. */
  PRL_SWAP_SHADOW
} prl_swap_mode;
/* As prl_agent_swap, which is PRL_SWAP_APPLY, in one of these modes. Until a ramp has come to its last share
 * no other swap is carried out; a rollback is. Fails: as prl_agent_swap; PRL_EINVAL (a mode that there is
 * not; for a ramp: a plan without one, without a control group, without a guard on a response, or that learns
 * from pairs; for a shadow, where it would learn by a guess: a plan that draws from a replay memory where the
 * agent has none, takes steps as acted by its own policy, draws by priorities, learns from novelty, is for
 * several workers, or takes fewer steps an update), PRL_ESTATE (a ramp or a shadow is under way; for both:
 * learning has failed; for a shadow: a swap waits for the end of an update). */
PRL_API prl_status prl_agent_swap_with(prl_agent *agent, const prl_plan *plan, prl_swap_mode mode,
                                       prl_error *error);

/* What becomes of one part of an agent in a swap. */
typedef struct prl_migrated {
  const char *part;     /* "parameters", "optimizer", "policy", "observations", "critic", "returns", "scale",
                         * "novelty", "multiplier", "experience", "memory", "schedule", "option", "ramp" */
  const char *name;     /* of the set, critic, constraint or option; "" where there is one alone */
  const char *outcome;  /* "kept", "kept in part", "grown", "rescaled", "refitted",
                         * "started anew", "dropped" */
  const char *reason;   /* a sentence without its full stop */
  int64_t taken, of;    /* numbers of a set, rows; of 0: nothing is counted */
  double before, after; /* a value that the part has: a deviation, a multiplier, an option; NaN: none */
} prl_migrated;
/* As prl_agent_swap_check, and what the swap would do now: it is carried out on the agent of the new plan,
 * which is then given up. list: *count parts, those of the new plan before those that it drops. Borrowed:
 * until the next call, or until another plan is in force. Fails: as prl_agent_swap; the list is then the one
 * before. */
PRL_API prl_status prl_agent_swap_plan(prl_agent *agent, const prl_plan *plan, const prl_migrated **list,
                                       int *count, prl_error *error);

/* The same of a swap in that mode. Fails: as prl_agent_swap_with. */
PRL_API prl_status prl_agent_swap_plan_with(prl_agent *agent, const prl_plan *plan, prl_swap_mode mode,
                                            const prl_migrated **list, int *count, prl_error *error);

/* Goes back to before the last swap: its recipe and all that was learned by then, byte for byte: parameters,
 * moments, statistics, multipliers, live options with what was set. Experience, time, streams and counts go
 * on, and the policy is a new version. It comes into force as a swap does, at once or when the present update
 * is published or fails; it can be called where learning failed. A swap that is not in
 * force yet is taken back instead, and so is a shadow; a rollback that waits goes on waiting. It cannot be
 * rolled back in its turn: what was learned since the swap is gone. A saved agent keeps what it can go back
 * to. A replay memory that the swap let go stays gone; rows of the swapped-in recipe that the recipe before
 * cannot learn from, since they were acted without a density, are left out as stale. Allocates an agent as
 * prl_agent_new does. Fails: PRL_ESTATE (no swap has come into force, the last one was rolled back, or
 * learning had failed before it), PRL_ENOMEM, PRL_ELIMIT, PRL_EFORMAT (of a file that was made by hand). The
 * agent is then unchanged. */
PRL_API prl_status prl_agent_rollback(prl_agent *agent, prl_error *error);
/* The hash of the recipe that is in force after a rollback of a swap; NULL: there is nothing to go back to.
 * Borrowed: until the next swap or rollback comes into force. */
PRL_API const char *prl_agent_previous(const prl_agent *agent);

/* What becomes of critics to which a swap gave another reward or discount, where the plan asks for a refit
 * (agent.refit in a recipe): they learn while the parameters by which the policy acts wait. */
typedef enum prl_refit_stage {
  PRL_REFIT_NONE,    /* nothing was refitted */
  PRL_REFIT_RUNS,    /* the policy waits */
  PRL_REFIT_REACHED, /* every critic explained as much of its returns as the plan asks for */
  PRL_REFIT_ENDED    /* after the plan's number of updates, and one of them did not */
} prl_refit_stage;
/* The refit of the last swap. *updates: how many it has lasted; NULL: not asked. */
PRL_API prl_refit_stage prl_agent_refit(const prl_agent *agent, int64_t *updates);
/* What the shadow has learned comes into force, as a swap does: at once, or when the present update is
 * published, and by prl_agent_rollback one can go back to before. Allocates an agent as prl_agent_new does.
 * Fails: PRL_ESTATE (there is no shadow, or it has learned nothing yet), PRL_ENOMEM, PRL_ELIMIT. The agent is
 * then unchanged, and the shadow goes on. */
PRL_API prl_status prl_agent_confirm(prl_agent *agent, prl_error *error);

/* What learns beside an agent. */
typedef struct prl_shadowed {
  const char *hash; /* of its recipe */
  bool begun;       /* false: it waits for the end of the present update */
  int64_t since;    /* recorded decisions when it began */
  int64_t updates;  /* that it made */
  double effective; /* (Σw)²/(n Σw²) of the rows that its last update learned from last, w = min(π/μ, 1) of
                     * its policy over what acted; NaN: no densities are known */
  double overlap; /* their mean */
} prl_shadowed;
/* False: none does. Borrowed: until the shadow is confirmed or dropped. */
PRL_API bool prl_agent_shadowed(const prl_agent *agent, prl_shadowed *out);

/* A guard of the plan (agent.guards in a recipe): a bound on what a swapped-in policy may lose beside the
 * control group. Guards begin to count with a swap. One that fires rolls the agent back by itself, at the end
 * of an update in prl_agent_learn or prl_agent_drive, as prl_agent_rollback does. One that
 * holds goes on counting: what was swapped in goes on learning. */
typedef enum prl_guard_state {
  PRL_GUARD_IDLE,    /* nothing was swapped in, or what was has been rolled back */
  PRL_GUARD_WAITING, /* neither is known yet */
  PRL_GUARD_HELD,    /* its confidence sequence lies on the right side of the bound now */
  PRL_GUARD_FIRED
} prl_guard_state;
typedef struct prl_guard {
  const char *name; /* of the response, or "kl" */
  prl_guard_state state;
  bool at_least;                /* false: at most */
  double bound;                 /* of the lift over the control group; of "kl": of the metric approx_kl */
  double value, low, high;      /* the lift and its confidence sequence; NaN where it is too early */
  int64_t users, control_users; /* that count so far */
} prl_guard;
/* The plan's guards; returns how many there are, 0 without any. Borrowed: until the next call. */
PRL_API int prl_agent_guards(prl_agent *agent, const prl_guard **guards);
/* The guard that fired last since the agent was made, loaded or swapped, as it was then; NULL: none did.
 * *update: after how many updates; NULL: not asked. prl_agent_notice says the same in a sentence. Borrowed:
 * until the next swap comes into force. */
PRL_API const prl_guard *prl_agent_breach(const prl_agent *agent, int64_t *update);

/* Where a ramp stands (PRL_SWAP_RAMP). */
typedef struct prl_ramp_status {
  double share;   /* of the groups, whom the new policy serves: 1 at the end */
  int at, count;  /* it is the share of this number, from 1, of so many */
  double after;   /* users who have to count before the next one comes */
  int64_t users;  /* of the new policy, who counted at this share */
  int64_t left;   /* streams whose running episode the policy before serves */
  int64_t update; /* after how many updates the share came into force by its guards; 0: with the swap, or
                   * before the agent was loaded, and the following is not known */
  double before;  /* the share until then */
  const prl_guard *guards; /* as they held then, guards_count of them */
  int guards_count;
} prl_ramp_status;
/* False: nothing was ramped since the last swap or rollback. Borrowed: until the next update ends. */
PRL_API bool prl_agent_ramp(const prl_agent *agent, prl_ramp_status *out);

/* A part of an agent, and how much of it was taken from another one. */
typedef struct prl_taken {
  const char *part;  /* "parameters" of a set, or the statistics of "observations" or "returns" */
  const char *name;  /* of the set, or of the critic whose returns they are; "" of observations */
  int64_t taken, of; /* numbers of the set; statistics: 0 or 1, and 1 */
} prl_taken;

/* Begins with what another agent has learned; call it before the first step. As in prl_agent_swap, parameters
 * with the same set and name keep their values and moments, and critics with the same name their
 * statistics where their rewards have the same scale; experience, counters and options stay this agent's.
 * The warm-up is left out where all that it would measure was taken. list: what was and was not taken, in the
 * order of the plan, *count parts of it; both may be NULL. Borrowed: valid until the next call. The other
 * agent stays as it is. Fails: PRL_EINVAL (observations or actions differ: which and how; nothing fits),
 * PRL_ESTATE (this agent has recorded a step; the other one's warm-up is not over), PRL_ENOMEM. The agent is
 * then unchanged. */
PRL_API prl_status prl_agent_start_from(prl_agent *agent, const prl_agent *other, const prl_taken **list,
                                        int *count, prl_error *error);

typedef struct prl_metric {
  const char *name; /* "policy_loss", "value_loss/watch", "episodic_return/watch", "response/like", … */
  double value;
  const char *title; /* of its kind, the name up to a "/": "Explained variance"; "" if there is none */
  const char *text;  /* one sentence that says what it means; "" if there is none */
} prl_metric;
/* The metrics of the last published update, and the counters. Returns how many there are. A metric without a
 * value in that update is left out: a return when no episode ended, the explained variance of returns that
 * are all equal. Borrowed: valid until the next call on the agent. */
PRL_API int prl_agent_metrics(const prl_agent *agent, const prl_metric **metrics);
/* Every metric that the agent may report, with title and sentence; values are NaN. Returns how many there
 * are. Borrowed: valid until the agent is freed or a swapped plan comes into force. */
PRL_API int prl_agent_meanings(const prl_agent *agent, const prl_metric **metrics);

/* Saves the whole agent in one file (safetensors, with the plan as JSON in its metadata). The file is written
 * under another name and renamed, so that it is complete or absent. A loaded agent continues byte for byte,
 * even from inside an update, in a runtime with the same kernels (prl_runtime_kernels): two tables of kernels
 * differ in the last digits. With env (may be NULL), its state is saved too. Fails: PRL_ESTATE (learning has
 * failed), PRL_ENUMERIC (a parameter is not finite), PRL_EIO, PRL_ENOMEM, or as prl_vecenv_save does. */
PRL_API prl_status prl_agent_save(const prl_agent *agent, const prl_vecenv *env, const char *path,
                                  prl_error *error);
/* Loads a saved agent; it needs no recipe. Fails: PRL_EIO, PRL_EFORMAT (not a saved agent, or damaged: the
 * digest of its bytes is missing or does not match), PRL_ENOMEM, PRL_ELIMIT (as prl_agent_new). */
PRL_API prl_status prl_agent_load(prl_runtime *runtime, const char *path, prl_agent **out, prl_error *error);
/* Restores the state of an environment from the file of a saved agent, into a vector env of the agent's
 * shape; driving then continues where it was. Fails: PRL_EABSENT (the file holds no state of an environment;
 * the agent can continue with new episodes), PRL_ESHAPE (another shape), PRL_EIO, PRL_EFORMAT, PRL_ENOMEM, or
 * as prl_vecenv_load does. */
PRL_API prl_status prl_agent_load_env(prl_agent *agent, const char *path, prl_vecenv *env, prl_error *error);

#ifdef __cplusplus
}
#endif
#endif
