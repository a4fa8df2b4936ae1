/* What the critics say: values of observations, for the schedule and for whoever asks, and rewards. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "agent/learner/parts.h"
#include "autograd/graph.h"

prl_status prl_values_run(prl_learner *l, const float *observation, int64_t rows, const float **value,
                          prl_error *error) {
  prl_program *program = l->values.routine.program;
  float *to = l->values.observation->data;
  prl_status status = prl_program_rows(program, rows, error);
  if (status) return status;
  if (to != observation)
    memcpy(to, observation, (size_t)(rows * l->shape->experience.observations) * sizeof *to);
  status = prl_program_run(program, 0, NULL, error);
  if (status) return status;
  *value = l->values.value->data;
  if (!l->kernels->finite(rows * l->critics_count, *value))
    return prl_fail(error, PRL_ENUMERIC, "a critic's value is not finite (program \"values\")");
  return PRL_OK;
}

int prl_learner_critics(const prl_learner *l) { return l->critics_count - (l->novelty != NULL); }
const char *prl_learner_critic(const prl_learner *l, int critic) { return l->critics[critic].name; }

static prl_status no_values(prl_error *error) {
  return prl_fail(error, PRL_EABSENT, "the plan of this agent has no program for values of states");
}

prl_status prl_learner_values(prl_learner *l, const float *observation, int64_t n, float *values,
                              prl_error *error) {
  const int64_t width = l->shape->spec.observations, most = l->shape->tile_rows;
  const int count = prl_learner_critics(l), all = l->critics_count;
  prl_status status = l->values.value ? PRL_OK : no_values(error);
  if (!status && l->shape->experience.memory)
    status = prl_fail(error, PRL_EABSENT,
                      "the policy has a memory (policy.memory): values depend on what was observed before, "
                      "and no stream is given with them");
  for (int64_t first = 0; !status && first < n; first += most) {
    const int64_t rows = n - first < most ? n - first : most;
    const float *value;
    memcpy(l->values.observation->data, observation + first * width,
           (size_t)(rows * width) * sizeof *observation);
    prl_policy_normalise(l->policy, rows, l->values.observation->data);
    status = prl_values_run(l, l->values.observation->data, rows, &value, error);
    for (int64_t i = 0; !status && i < rows * count; i++) {
      const prl_critic *c = &l->critics[i % count];
      const double normalised = (double)value[i / count * all + i % count];
      values[first * count + i] = (float)(*c->scale * (normalised * c->popart->std + c->popart->mean));
    }
  }
  return status;
}

prl_status prl_learner_rewards(prl_learner *l, const float *response, int64_t n, float *rewards,
                               prl_error *error) {
  enum { ROWS = 64 };
  float column[ROWS];
  const int64_t count = prl_learner_critics(l);
  for (int64_t first = 0; first < n; first += ROWS) {
    const int64_t rows = n - first < ROWS ? n - first : ROWS;
    for (int64_t k = 0; k < count; k++) {
      prl_expression_eval(l->critics[k].expression, rows, response + first * l->shape->spec.responses,
                          column);
      for (int64_t i = 0; i < rows; i++) {
        if (!isfinite(column[i]))
          return prl_fail(error, PRL_ENUMERIC, "the reward of critic \"%s\" of row %" PRId64 " is %g",
                          l->critics[k].name, first + i + 1, (double)column[i]);
        rewards[(first + i) * count + k] = column[i];
      }
    }
  }
  return PRL_OK;
}

prl_status prl_learner_value_parameters(const prl_learner *l, int64_t *count, prl_error *error) {
  prl_graph *graph;
  int64_t sum = 0;
  if (!l->values.value) return no_values(error);
  prl_status status = prl_graph_read(l->runtime, prl_path(l->root, "programs.values"), &graph, error);
  if (status) return status;
  for (int32_t i = 0; i < graph->values_count; i++) {
    const prl_gvalue *value = &graph->values[i];
    int64_t size = 1;
    for (int d = 0; d < value->ndim; d++) size *= value->shape[d];
    if (value->kind == PRL_V_PARAM) sum += size;
  }
  prl_graph_free(graph);
  *count = sum;
  return PRL_OK;
}
