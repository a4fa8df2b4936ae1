/* perilune/agent.h: the embeddable agent: policy, critics, objective, experience and learner behind a few
 * calls. The trainer, a server and a game host drive the same agent through the same calls; no Lua runs in
 * it.
 *
 *     prl_plan_load(runtime, "npc.lua", NULL, &plan, &error);          (needs Lua; a saved agent does not)
 *     prl_agent_new(plan, &agent, &error);
 *     prl_agent_act(agent, streams, observation, n, PRL_SAMPLE, action, decisions, &error);
 *     prl_agent_feedback(agent, decisions, response, NULL, NULL, n, &error);
 *     prl_agent_learn(agent, 500, &progress, &error);
 *
 * Time comes from the caller (prl_agent_time), in µs; the machine's clock is read for the budget of learn
 * alone. */
#ifndef PERILUNE_AGENT_H
#define PERILUNE_AGENT_H

#include "perilune/core.h"
#include "perilune/env.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct prl_plan prl_plan; /* a resolved recipe, its programs and its schedule: plain data */
typedef struct prl_agent prl_agent;

typedef enum prl_mode {
  PRL_SAMPLE,
  PRL_MEAN
} prl_mode; /* mean: the most probable action; recorded all the same */
typedef enum prl_finish { PRL_TERMINATED, PRL_TRUNCATED } prl_finish_reason;

typedef struct prl_plan_options {
  uint64_t seed; /* replaces train.seed where seed_given */
  bool seed_given;
  bool trust;             /* code files beside the recipe may run */
  const char *const *set; /* "path=value" overrides, set_count of them */
  int set_count;
} prl_plan_options;

/* Evaluates a recipe in its sandbox and builds the plan. Fails: PRL_EFORMAT (one sentence with file and
 * line), PRL_EIO. */
PRL_API prl_status prl_plan_load(prl_runtime *runtime, const char *path, const prl_plan_options *options,
                                 prl_plan **out, prl_error *error);
PRL_API void prl_plan_free(prl_plan *plan);
PRL_API const char *prl_plan_hash(const prl_plan *plan); /* 32 hexadecimal digits */

/* The plan stays the caller's and may be freed afterwards. Fails: PRL_EFORMAT (of a plan made by hand),
 * PRL_ENOMEM, PRL_ELIMIT (more memory than is left of the runtime's budget, added up before any of it is
 * allocated: the option with most of it). */
PRL_API prl_status prl_agent_new(const prl_plan *plan, prl_agent **out, prl_error *error);
PRL_API void prl_agent_free(prl_agent *agent);

/* What the agent is made of: names, units and bounds of its observations, actions and responses (bounds that
 * are not known are infinite); the other fields are 0. Borrowed: as long as the agent lives and no other plan
 * is swapped in. */
PRL_API const prl_env_spec *prl_agent_spec(const prl_agent *agent);
/* The hash of the recipe that is in force: 32 hexadecimal digits, borrowed likewise. */
PRL_API const char *prl_agent_hash(const prl_agent *agent);

/* Sets the agent's time, from 0 to 2^60 µs; never backwards (PRL_EINVAL). Idle streams are truncated and
 * waits pass by it, and critics that discount by time do so by it: tell the time before each call of the
 * agent. */
PRL_API prl_status prl_agent_time(prl_agent *agent, int64_t now_us, prl_error *error);
/* The agent's time, µs: 0 in a new agent, then what prl_agent_time was told last, and moved on by the longest
 * of the steps where an environment with a clock is driven. It is saved: a host that goes on with a saved
 * agent counts from here. */
PRL_API int64_t prl_agent_now(const prl_agent *agent);

/* n actions for n streams (each at most once a call). observation (n, observations) → action (n, actions):
 * discrete choices as whole numbers, continuous ones cut at the declared bounds (a sample may lie beyond
 * them, also where the recipe says bounded, which holds the mean alone; what is learned from, and its
 * density, is the draw before the cut). decisions (n): 0 for a row that could not be recorded since the
 * declared capacity is full (counted as `dropped_steps`). decisions NULL: nothing is recorded or learned
 * (evaluation, serving without learning). No allocation. mode is PRL_MEAN whatever was asked while the plan's
 * warm-up steps are made. Fails: PRL_EINVAL (a stream twice; n below 0 or above 2^28, as in every call),
 * PRL_ENUMERIC (an observation that is not finite: row and name). */
PRL_API prl_status prl_agent_act(prl_agent *agent, const uint64_t *streams, const float *observation,
                                 int64_t n, prl_mode mode, float *action, uint64_t *decisions,
                                 prl_error *error);
/* The log-densities under which the last call of prl_agent_act or prl_agent_drive drew its actions: of its
 * first *n rows, at most capacity.streams or capacity.act of them, whichever is more. Borrowed: until the
 * next call on the agent. */
PRL_API const float *prl_agent_act_log_prob(const prl_agent *agent, int64_t *n);
/* Log-densities of given actions (n, actions) under the published policy, at observations (n, observations) →
 * log_prob (n); the logarithm of a probability where actions are choices. Of a continuous action it is the
 * density of the draw before it is cut at the bounds. Nothing is recorded. Fails: PRL_ENUMERIC (an
 * observation or an action that is not finite), PRL_EINVAL (a choice that its dimension does not have),
 * PRL_EABSENT (the agent was saved without a density program). */
PRL_API prl_status prl_agent_log_prob(prl_agent *agent, const float *observation, const float *action,
                                      int64_t n, float *log_prob, prl_error *error);
/* The log-probabilities of all choices at observations (n, observations) → log_probs (n, prl_agent_choices):
 * those of the first dimension, then those of the next. Fails: PRL_EABSENT (actions are continuous), as
 * above. */
PRL_API prl_status prl_agent_log_probs(prl_agent *agent, const float *observation, int64_t n,
                                       float *log_probs, prl_error *error);
/* Σ choices over the dimensions of the action; 0 where actions are continuous. */
PRL_API int64_t prl_agent_choices(const prl_agent *agent);
/* The next observation of these streams, known before they act again: their open steps close with it.
 * Optional: the next act closes them otherwise. */
PRL_API prl_status prl_agent_observe(prl_agent *agent, const uint64_t *streams, const float *observation,
                                     int64_t n, prl_error *error);
/* Responses (n, responses) of n decisions (0: passed over). present (n, responses) or NULL (all): which ones
 * came. events (n) or NULL: ids of the reports (0: none); a report of the same decision and id counts once.
 * Parts combine as each response declares. Feedback for a step that is frozen or learned already is
 * counted (`late_feedback`), however late it comes. Fails: PRL_ENAME (a decision that never was: its number;
 * the other rows are applied), PRL_ENUMERIC. */
PRL_API prl_status prl_agent_feedback(prl_agent *agent, const uint64_t *decisions, const float *responses,
                                      const uint8_t *present, const uint64_t *events, int64_t n,
                                      prl_error *error);
/* Ends a stream's episode. final_observation (observations) may be NULL where terminated; where truncated it
 * gives the bootstrap value, and NULL uses the last observation acted on. An unknown stream is PRL_ENAME. */
PRL_API prl_status prl_agent_finish(prl_agent *agent, uint64_t stream, prl_finish_reason reason,
                                    const float *final_observation, prl_error *error);
/* Ends the episodes of all streams that have one open, as prl_agent_finish without a final observation does.
 * How many there were; −1 where the reason is neither. An agent that was trained on an environment and now
 * serves a host begins with it: streams of the training, which nobody will call again, would keep their
 * places among capacity.streams. */
PRL_API int64_t prl_agent_finish_all(prl_agent *agent, prl_finish_reason reason);

typedef struct prl_progress {
  bool waiting;     /* nothing to do: not enough closed steps */
  int64_t updates;  /* finished since the agent began */
  int64_t steps;    /* decisions recorded since the agent began */
  uint64_t version; /* of the published policy */
} prl_progress;

/* Learns until there is nothing to do, or for about budget_us microseconds (0: no bound), stopping inside an
 * update and going on at the next call; a budget that the clock cannot hold is no bound. progress may be
 * NULL. Fails: PRL_ENUMERIC (names the program with its op and output, the critic, or the parameter; the
 * published policy stands and the agent refuses to learn on until another plan is swapped in). A policy is
 * published only if all parameters are finite and it acts on rows of the last batch. */
PRL_API prl_status prl_agent_learn(prl_agent *agent, int64_t budget_us, prl_progress *progress,
                                   prl_error *error);

/* Drives a vector env of the plan's shape: act, step, feedback, finish, observe, learn; until `steps` further
 * env steps are made (whole rows of all instances) or an update has just been published (when
 * stop_at_update). The instances' streams are first_stream, first_stream + 1, … */
PRL_API prl_status prl_agent_drive(prl_agent *agent, prl_vecenv *env, int64_t steps, bool stop_at_update,
                                   int64_t *made, prl_error *error);

/* The watch of drives and evaluations from now on. A drive that is stopped has made fewer steps, and the next
 * one goes on as if it had been one. */
PRL_API void prl_agent_watch(prl_agent *agent, prl_watch watch);

/* The longest episode of an evaluation where the environment's max_steps is 0. */
#define PRL_EVALUATE_STEPS 1000000

/* Whole episodes on a vector env with the published policy, nothing recorded: instance i makes its share of
 * `episodes` from its next reset on. responses (episodes, responses): each episode's sums; lengths
 * (episodes): its steps; in order of (instance, episode); either may be NULL. Allocates its buffers. Fails:
 * PRL_ENOMEM, PRL_EINVAL (episodes below 1 or above 2^28), PRL_ESHAPE, PRL_ELIMIT (an episode of more than
 * PRL_EVALUATE_STEPS where max_steps is 0), PRL_ESTOPPED, or as act and the env's step do. */
PRL_API prl_status prl_agent_evaluate(prl_agent *agent, prl_vecenv *env, int64_t episodes, prl_mode mode,
                                      double *responses, int64_t *lengths, prl_error *error);

/* A panel: users × simulated days of one policy. Each user is a stream of the environment from its birth on
 * and lives on a clock of its own, the time that its steps report; what happens after `days` is not counted.
 * Users, their chances and, for PRL_SAMPLE, the policy's draws depend on seeds and streams alone, so that two
 * policies on the same panel differ by what they do, and the numbers do not depend on `threads`. */
typedef struct prl_panel_options {
  const prl_env_type *type;  /* its spec says `clock` */
  const double *env_options; /* all of them, in the order of the type's table */
  uint64_t seed, first_stream;
  int64_t users;
  int32_t days;
  const char
      *agent; /* the file of a saved agent: its published policy, normalisers frozen, nothing recorded */
  const float *constant; /* (actions), where agent is NULL: this action for everybody */
  prl_mode mode;         /* of the agent's policy */
  const int32_t
      *observed; /* (observed_count) observations that are summed too, by which users may be grouped */
  int32_t observed_count;
  int threads;                        /* 1 to 64, each with a runtime, an agent and environments of its own */
  const prl_runtime_options *runtime; /* of the threads; NULL: the default. Its allocator is called by all */
  prl_watch watch;                    /* asked how many users' days are over */
} prl_panel_options;

/* The numbers of a user's day: 2 × responses + 2 + actions + observed. */
PRL_API int64_t prl_panel_width(const prl_env_spec *spec, int32_t observed);
/* sums (users, days, width): for each user and each day since its first request the sum of every response,
 * how often it came (values other than `missing`), requests, sessions that ended, and over its requests the
 * sums of every dimension of the action (a continuous one within its bounds) and of the observed numbers, as
 * they stood when the action was taken. Fails: PRL_EINVAL (a count or an observation out of range, an
 * environment without a clock, or whose clock does not bring a user's day to its end), PRL_ESHAPE,
 * PRL_ENOMEM, PRL_ESTOPPED, or as prl_agent_load, act and the env's step do. */
PRL_API prl_status prl_panel_run(const prl_panel_options *options, double *sums, prl_error *error);

/* Simulated days that all instances together lived in the last call of prl_agent_drive; 0 without a clock. */
PRL_API double prl_agent_days_driven(const prl_agent *agent);

/* NULL while every decision since the agent was made or loaded could be recorded; then one sentence on the
 * first that could not: which capacity was full, why, and the number to set it to (`agent.rows` follows from
 * the waits and the rate of the decisions until then). Nothing is printed: show it where somebody reads it.
 * Borrowed: until another plan is swapped in. */
PRL_API const char *prl_agent_notice(prl_agent *agent);

/* A live option: "algorithm.lr", "objective.critics.watch.weight", … in force from the next update on. get
 * also knows "objective.critics.NAME.scale": where it is "baseline", 1 until the warm-up has found it. Fails:
 * PRL_ENAME (nearest name), PRL_EINVAL (range; structural). */
PRL_API prl_status prl_agent_set(prl_agent *agent, const char *option, double value, prl_error *error);
PRL_API prl_status prl_agent_get(const prl_agent *agent, const char *option, double *value, prl_error *error);

/* A new recipe for a running agent: the plan is built here, and comes into force between two updates (at
 * once, or when the one that runs is published). Parameters of the same set, name and shape keep their values
 * and moments, critics of the same name their statistics; experience, counters and steps go on; options that
 * were set are forgotten. A save before it is in force saves the old recipe. An agent that failed learns
 * again, from its last good parameters. Fails as prl_agent_new; PRL_EINVAL (observations, actions, responses
 * or capacities differ: which; a new critic with the scale "baseline"); PRL_ESTATE (in the warm-up). The plan
 * stays the caller's. */
PRL_API prl_status prl_agent_swap(prl_agent *agent, const prl_plan *plan, prl_error *error);

typedef struct prl_metric {
  const char *name; /* "policy_loss", "value_loss/watch", "episodic_return/watch", "response/like", … */
  double value;
  const char *title; /* of its kind, the name up to a "/": "Explained variance"; "" where nobody says */
  const char *text;  /* one sentence: what it means; "" likewise */
} prl_metric;
/* The metrics of the last published update and the counters; valid until the next call on the agent. What had
 * no value in that update is not among them: a return when no episode ended, the explained variance of
 * returns that were all alike. */
PRL_API int prl_agent_metrics(const prl_agent *agent, const prl_metric **metrics);
/* Every metric that the agent may report, with its title and sentence; values are NaN. Borrowed: until
 * another plan is swapped in. */
PRL_API int prl_agent_meanings(const prl_agent *agent, const prl_metric **metrics);

/* The whole agent in one file (safetensors with the plan as JSON in its metadata): written beside it and
 * renamed, so that it is there whole or not at all. A loaded agent goes on byte for byte, from inside an
 * update too, in a runtime with the same kernels (prl_runtime_kernels): two tables of kernels differ in the
 * last digits. env may be NULL; where given, its state goes along. Fails: PRL_ESTATE (learning has failed),
 * PRL_ENUMERIC (a parameter is not finite), PRL_EIO, PRL_ENOMEM. */
PRL_API prl_status prl_agent_save(const prl_agent *agent, const prl_vecenv *env, const char *path,
                                  prl_error *error);
/* Fails: PRL_EIO, PRL_EFORMAT (not a saved agent; damaged: the file carries a digest of all its bytes, and
 * one without it is refused), PRL_ENOMEM. */
PRL_API prl_status prl_agent_load(prl_runtime *runtime, const char *path, prl_agent **out, prl_error *error);
/* Fails as prl_vecenv_load; PRL_EABSENT (the file holds no state of an environment, and the agent may go on
 * with fresh episodes). */
PRL_API prl_status prl_agent_load_env(prl_agent *agent, const char *path, prl_vecenv *env, prl_error *error);

#ifdef __cplusplus
}
#endif
#endif
