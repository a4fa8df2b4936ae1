/* What critics hand to those of a new plan in a swap. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "agent/learner/parts.h"
#include "agent/plan/growth.h"
#include "core/number.h"
#include "objective/factor.h"

/* ---- scales ---- */

/* Whether the scale of the critic is one that no warm-up of `from` has measured. */
static bool is_unknown(const prl_critic *ours, const prl_learner *from) {
  const prl_critic *old = prl_critic_find(from, ours->name);
  return ours->baseline && (!old || !old->baseline);
}

bool prl_critics_known(const prl_learner *to, const prl_learner *from) {
  bool known = true;
  for (int i = 0; i < to->critics_count; i++) known = known && !is_unknown(&to->critics[i], from);
  return known;
}

/* The mean of |reward| over the rows that are remembered. */
static double mean_of(const prl_critic *c, const prl_replay *m) {
  enum { TILE = 256 };
  float reward[TILE];
  double sum = 0;
  for (int64_t first = 0; first < m->n.filled; first += TILE) {
    const int64_t rows = m->n.filled - first < TILE ? m->n.filled - first : TILE;
    prl_expression_eval(c->expression, rows, m->response + first * m->responses, reward);
    for (int64_t i = 0; i < rows; i++)
      if (prl_replay_is_row(m, first + i)) sum += fabs((double)reward[i]);
  }
  return sum / (double)m->n.rows;
}

static prl_status measure(prl_critic *c, const prl_learner *from, prl_error *error) {
  const prl_replay *m = from->memory;
  if (!m || m->n.rows < PRL_STATISTICS_ROWS)
    return prl_fail(error, PRL_EINVAL,
                    "swap: critic \"%s\" wants the scale \"baseline\", which a running agent measures on its "
                    "replay memory, and %s; give a number",
                    c->name, m ? "it has remembered fewer than 32 steps" : "it has none");
  const double mean = mean_of(c, m);
  if (!(mean > 0) || !isfinite(mean))
    return prl_fail(error, PRL_ENUMERIC,
                    "swap: critic \"%s\": the mean of its reward over the %" PRId64
                    " remembered steps is %g, by which scale \"baseline\" cannot divide; give a number",
                    c->name, m->n.rows, mean);
  *c->scale = mean;
  return PRL_OK;
}

prl_status prl_learner_measure(prl_learner *to, const prl_learner *from, prl_error *error) {
  prl_status status = PRL_OK;
  for (int i = 0; !status && i < to->critics_count; i++)
    if (is_unknown(&to->critics[i], from)) status = measure(&to->critics[i], from, error);
  return status;
}

/* ---- what goes over ---- */

/* V of k · r is k · V: the deviation and the means of returns are multiplied, and the network, which says
 * (V − mean)/std, says the same. k > 0. */
static void rescale(prl_popart *p, double k) {
  p->first *= k;
  p->second *= k * k;
  p->mean *= k;
  p->std *= k;
}

/* Statistics belong to a last layer that is of the same size, or has grown and says what it said. */
static bool takes_returns(const prl_critic *to, const prl_critic *old, prl_extent network) {
  return to->normalise && old->normalise && (to->layer_rows == old->layer_rows || network == PRL_TAKES_GROWN);
}

double prl_critic_take(prl_critic *to, const prl_critic *old, double factor, prl_extent network) {
  if (to->baseline && old->baseline) *to->scale = *old->scale * fabs(factor);
  if (!takes_returns(to, old, network)) return 1;
  const double k = factor * *old->scale / *to->scale;
  const bool exact = isfinite(k) && k > 0 && isfinite(old->popart->second * k * k);
  *to->popart = *old->popart;
  if (!exact || k == 1) return 1;
  rescale(to->popart, k);
  return k;
}

/* ---- what is said of it ---- */

static const prl_value *document_of(const prl_learner *l, const prl_critic *critic) {
  return prl_item(prl_get(l->root, "critics"), critic - l->critics);
}

/* The number by which the reward was multiplied; 1: it is the same one, or *other is true. */
static double factor_of(const prl_learner *to, const prl_critic *ours, const prl_learner *from,
                        const prl_critic *old, bool *other) {
  const prl_value *before = prl_get(document_of(from, old), "reward"),
                  *after = prl_get(document_of(to, ours), "reward");
  double factor = 1;
  *other = false;
  if (!ours->expression && !old->expression) return 1; /* novelty */
  if (before && after && prl_value_equal(before, after)) return 1;
  *other = !prl_expression_factor(before, after, &factor);
  return factor;
}

/* In force at that step; what is frozen has the multipliers of constraints in it. */
static double number_of(const prl_learner *l, prl_ref ref, double step) {
  return ref.live < 0 ? ref.number : prl_live_value(l->live, ref.live, step);
}

/* What is another in a critic that goes on, each with a comma behind it. */
static void describe(const prl_learner *to, const prl_critic *ours, const prl_learner *from,
                     const prl_critic *old, double factor, bool other, char *text, size_t size) {
  const double step = (double)from->experience->n.decisions;
  const double gamma = number_of(to, ours->gamma, step), was = number_of(from, old->gamma, step);
  const double weight = number_of(to, ours->weight, step), before = number_of(from, old->weight, step);
  size_t at = 0;
  text[0] = 0;
#define SAY(...) at += (size_t)prl_format(text + at, size - at, __VA_ARGS__), at = at < size ? at : size - 1
  if (other) SAY("its reward is another expression, ");
  if (factor != 1) SAY("its reward is %.6g times what it was, ", factor);
  if (gamma != was) SAY("gamma is %.6g in place of %.6g, ", gamma, was);
  if (ours->unit != old->unit) SAY("gamma is for a %s in place of a %s, ", ours->per, old->per);
  if (*ours->scale != *old->scale) SAY("scale is %.6g in place of %.6g, ", *ours->scale, *old->scale);
  if (ours->baseline && !old->baseline) SAY("its scale is measured on the remembered steps, ");
  if (weight != before) SAY("weight is %.6g in place of %.6g, ", weight, before);
#undef SAY
}

static void note_returns(const prl_critic *ours, const prl_critic *old, double k, prl_extent network,
                         prl_migration *m) {
  if (!ours->normalise && !old->normalise) return;
  const bool taken = takes_returns(ours, old, network);
  const char *outcome = !ours->normalise ? PRL_DROPPED : !taken ? PRL_ANEW : k != 1 ? PRL_RESCALED : PRL_KEPT;
  const prl_migrated entry = {"returns",
                              ours->name,
                              outcome,
                              NULL,
                              0,
                              0,
                              old->normalise ? old->popart->std : NAN,
                              ours->normalise ? ours->popart->std : NAN};
  if (k != 1)
    prl_migration_note(m, &entry, "means and deviation times %.6g, so that the network says the same", k);
  else
    prl_migration_note(m, &entry, "%s",
                       !ours->normalise  ? "the new critic does not normalise its returns"
                       : taken           ? "the statistics of its returns go on"
                       : !old->normalise ? "the running critic does not normalise its returns"
                                         : "its last layer has another size");
}

/* The set in which the critic's values are computed; −1: it computes none. */
static int set_of(const prl_learner *to, const prl_critic *ours) {
  const char *set = prl_get_string(document_of(to, ours), "value_set", NULL);
  return set ? prl_sets_find(to->sets, set, strlen(set)) : -1;
}

prl_extent prl_critic_extent(const prl_learner *to, const prl_critic *ours, const prl_extent *extent) {
  const int found = set_of(to, ours);
  return found < 0 ? PRL_TAKES_ALL : extent[found];
}

/* Whether what the critic says is of other returns: of another reward, also by a factor other than k, by
 * which it was rescaled, or of another discount. */
static bool is_another(const prl_learner *to, const prl_critic *ours, const prl_learner *from,
                       const prl_critic *old, double factor, double k, bool other) {
  const double step = (double)from->experience->n.decisions, needed = factor * *old->scale / *ours->scale;
  const bool scaled = fabs(needed - k) <= 1e-12 * fabs(k);
  return other || !scaled || ours->unit != old->unit ||
         number_of(to, ours->gamma, step) != number_of(from, old->gamma, step);
}

/* What becomes of its network; NULL: it goes on as it is. */
static const char *network_text(prl_extent network, bool bends) {
  return network == PRL_TAKES_NONE    ? "its network begins anew"
         : bends                      ? "its network has another activation"
         : network == PRL_TAKES_SOME  ? "not all of its network goes on"
         : network == PRL_TAKES_GROWN ? "it goes on in a larger network"
                                      : NULL;
}

static void note_critic(const prl_learner *to, const prl_critic *ours, const prl_critic *old, double k,
                        const char *network, bool grown, bool refits, bool other, const char *text,
                        prl_migration *m) {
  const char *outcome = refits              ? PRL_REFITTED
                        : network && !grown ? PRL_KEPT_IN_PART
                        : k != 1            ? PRL_RESCALED
                        : grown             ? PRL_GROWN
                                            : PRL_KEPT;
  const bool apart = !prl_get(document_of(to, ours), "value_set");
  const prl_migrated entry = {"critic", ours->name, outcome, NULL, 0, 0, *old->scale, *ours->scale};
  if (refits)
    prl_migration_note(
        m, &entry,
        "%s%s%sthe actor waits until its explained variance is above %.6g, for at most %" PRId64 " updates",
        text, network ? network : "", network ? ", " : "", to->refit.above, to->refit.most);
  else
    prl_migration_note(m, &entry, "%s%s", text,
                       network ? network
                       : other ? "it learns from where it is"
                       : apart ? "its scale goes on; of its networks the sets say what goes on"
                               : "it goes on");
}

/* One that goes on. */
static void take_known(prl_learner *to, prl_critic *ours, const prl_learner *from, const prl_critic *old,
                       prl_extent network, const struct prl_growth *growth, prl_migration *m) {
  char text[400];
  prl_unary is, was;
  const int set = set_of(to, ours);
  bool other;
  const double factor = factor_of(to, ours, from, old, &other);
  const double k = prl_critic_take(ours, old, factor, network);
  const bool refits =
      (is_another(to, ours, from, old, factor, k, other) || prl_refit_waits(from, old->name)) &&
      prl_refit_begin(to, (int)(ours - to->critics));
  describe(to, ours, from, old, factor, other, text, sizeof text);
  const bool bends = set >= 0 && prl_growth_bends(growth, set, &is, &was);
  note_critic(to, ours, old, k, network_text(network, bends), network == PRL_TAKES_GROWN && !bends, refits,
              other, text, m);
  note_returns(ours, old, k, network, m);
}

void prl_critics_take(prl_learner *to, const prl_learner *from, const prl_extent *extent,
                      const struct prl_growth *growth, prl_migration *m) {
  for (int i = 0; i < to->critics_count; i++) {
    prl_critic *ours = &to->critics[i];
    const prl_critic *old = prl_critic_find(from, ours->name);
    if (old)
      take_known(to, ours, from, old, prl_critic_extent(to, ours, extent), growth, m);
    else
      prl_migration_note(
          m, &(prl_migrated){"critic", ours->name, PRL_ANEW, NULL, 0, 0, NAN, *ours->scale},
          ours->baseline
              ? "the running agent has no critic of this name; its scale is measured on the remembered steps"
              : "the running agent has no critic of this name");
  }
  for (int i = 0; i < from->critics_count; i++) {
    const prl_critic *old = &from->critics[i];
    if (!prl_critic_find(to, old->name))
      prl_migration_note(m, &(prl_migrated){"critic", old->name, PRL_DROPPED, NULL, 0, 0, *old->scale, NAN},
                         "the new plan has no critic of this name");
  }
}
