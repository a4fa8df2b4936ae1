#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "agent/agent.h"

prl_status prl_agent_check_params(const prl_agent *a, prl_error *error) {
  for (int s = 0; s < a->sets_count; s++) {
    const prl_params *set = a->sets[s];
    if (a->kernels->finite(set->size, set->value)) continue;
    for (int i = 0; i < set->count; i++) {
      const prl_param *param = set->items[i];
      if (!a->kernels->finite(prl_tensor_count(&param->value), param->value.data))
        return prl_fail(error, PRL_ENUMERIC, "the parameter \"%s\" of \"%s\" is not finite", param->name,
                        set->name);
    }
  }
  return PRL_OK;
}

static prl_status bad_output(const char *what, int64_t row, double value, prl_error *error) {
  return prl_fail(error, PRL_ENUMERIC, "its %s in row %" PRId64 " of the last batch is %g (program \"act\")",
                  what, row + 1, value);
}

static prl_status check_outputs(const prl_agent *a, prl_error *error) {
  const prl_tensor *action = prl_program_output(a->trial, "action");
  const float *x = action->data, *log_prob = prl_program_output(a->trial, "log_prob")->data;
  for (int64_t i = 0; i < PRL_TRIAL_ROWS * a->actions && action->dtype == PRL_F32; i++)
    if (!isfinite(x[i]))
      return bad_output("action", i / a->actions * a->batch.rows / PRL_TRIAL_ROWS, (double)x[i], error);
  for (int64_t i = 0; i < PRL_TRIAL_ROWS; i++)
    if (!isfinite(log_prob[i]))
      return bad_output("log_prob", i * a->batch.rows / PRL_TRIAL_ROWS, (double)log_prob[i], error);
  return PRL_OK;
}

/* The learner's policy draws actions in rows spread over the last batch. They are few: weights that overflow
 * do so in nearly every row, and a trial may not cost what an update does. */
static prl_status try_policy(prl_agent *a, prl_error *error) {
  if (a->batch.rows < 1) return PRL_OK;
  prl_tensor *noise = prl_program_input(a->trial, "noise"), *sample = prl_program_input(a->trial, "sample");
  float *to = prl_program_input(a->trial, "obs")->data;
  for (int64_t i = 0; i < PRL_TRIAL_ROWS; i++)
    memcpy(to + i * a->observations, a->observation + i * a->batch.rows / PRL_TRIAL_ROWS * a->observations,
           (size_t)a->observations * sizeof(float));
  for (int64_t i = 0; noise && i < PRL_TRIAL_ROWS * a->noise; i++) ((float *)noise->data)[i] = 0.5f;
  if (sample) *(float *)sample->data = 1;
  prl_status status = prl_program_run(a->trial, 0, NULL, error);
  return status ? status : check_outputs(a, error);
}

/* to ← from, of the sets that act reads. */
static void copy_published(const prl_agent *a, prl_params *const *to, prl_params *const *from) {
  for (int i = 0; i < a->sets_count; i++)
    if (a->published[i]) memcpy(to[i]->value, from[i]->value, (size_t)from[i]->size * sizeof(float));
}

prl_status prl_agent_publish_policy(prl_agent *a, prl_error *error) {
  prl_error why = {PRL_OK, ""};
  prl_status status = prl_agent_check_params(a, &why);
  if (!status) status = try_policy(a, &why);
  if (status) {
    copy_published(a, a->sets, a->published); /* another plan may learn on (swap.c) */
    return prl_fail(error, status,
                    "the policy of update %" PRId64 " is not published: %s; the one before it stays in force",
                    a->n.updates + 1, why.message);
  }
  copy_published(a, a->published, a->sets);
  if (a->normalise) prl_normaliser_publish(&a->normaliser);
  a->n.version++;
  if (a->drop_stale) prl_experience_version(a->experience, (uint64_t)a->n.version);
  return PRL_OK;
}
