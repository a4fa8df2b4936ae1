/* Which numbers of an old plan's parameters become which of a new plan's. */
#include "agent/plan/growth.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/number.h"

enum { NEW = -1, OF_WIDTH = -2 };

static const prl_axes_of *ours(const prl_growth *g, int32_t param) { return &g->ours->params[param]; }
static const prl_axes_of *old(const prl_growth *g, int32_t param) { return &g->old->params[param]; }

static int64_t last_size(const prl_param *param) {
  return param->value.ndim ? param->value.shape[param->value.ndim - 1] : 1;
}

/* ---- pairs ---- */

static const char *without(const char *name, const char *prefix) {
  const size_t length = strlen(prefix);
  return strncmp(name, prefix, length) ? NULL : name + length;
}

/* The set of which this is a copy, or its own name. */
static const char *original(const char *set) {
  const char *target = without(set, "target/"), *start = without(set, "start/");
  return target ? target : start ? start : set;
}

static void pair_by_name(prl_growth *g) {
  for (int32_t i = 0; i < g->ours->count; i++)
    g->params[i].old = prl_axes_find(g->old, ours(g, i)->set->name, ours(g, i)->param->name);
}

/* The layer of the action's mean, where one layer gives it for all dimensions that are set; −1. */
static int32_t head_layer(const prl_axes *axes) {
  int32_t layer = -1;
  for (int32_t i = 0; i < axes->actions; i++) {
    if (!prl_head_sets(&axes->mean[i])) continue;
    if (layer >= 0 && axes->mean[i].layer != layer) return -1;
    layer = axes->mean[i].layer;
  }
  return layer;
}

/* The one layer whose units a layer's rows multiply, in their order; −1: there is none. */
static int32_t layer_before(const prl_axes *axes, int32_t layer) {
  const prl_axes_of *l = &axes->params[layer];
  const int64_t rows = l->param->value.shape[0];
  for (int64_t i = 0; l->inputs && i < rows; i++)
    if (l->inputs[i].kind != PRL_COLUMN_UNIT || l->inputs[i].place != i ||
        l->inputs[i].layer != l->inputs[0].layer)
      return -1;
  return l->inputs ? l->inputs[0].layer : -1;
}

static int32_t bias_of(const prl_axes *axes, int32_t layer) {
  for (int32_t i = 0; i < axes->count; i++)
    if (axes->params[i].layer == layer && i != layer) return i;
  return -1;
}

/* The layers from the mean back to what is seen, of both plans side by side; false: they are not alike. */
static bool pair_chain(prl_growth *g, int32_t a, int32_t b, bool commit) {
  for (int depth = 0; depth < 256 && a >= 0 && b >= 0; depth++) {
    if (ours(g, a)->activation != old(g, b)->activation || !ours(g, a)->inputs || !old(g, b)->inputs)
      return false;
    const int32_t bias = bias_of(g->ours, a), old_bias = bias_of(g->old, b);
    if ((bias < 0) != (old_bias < 0)) return false;
    if (commit) g->params[a].old = b;
    if (commit && bias >= 0) g->params[bias].old = old_bias;
    a = layer_before(g->ours, a);
    b = layer_before(g->old, b);
  }
  return a < 0 && b < 0;
}

/* A policy whose set has another name: that of another algorithm. */
static void pair_policy(prl_growth *g) {
  const int32_t head = head_layer(g->ours), was = head_layer(g->old);
  for (int32_t i = 0; head >= 0 && i < g->ours->count; i++)
    if (ours(g, i)->set == ours(g, head)->set && g->params[i].old >= 0) return;
  if (head < 0) return;
  g->unlike = ours(g, head)->set;
  g->why = was < 0 ? "the running policy's mean does not come of one layer that is known"
                   : "the running policy has other activations or another number of layers";
  if (was < 0 || !pair_chain(g, head, was, false)) return;
  (void)pair_chain(g, head, was, true);
  g->why = "the running policy has larger layers";
}

/* A target that is new begins where what it copies does. */
static void pair_targets(prl_growth *g) {
  for (int32_t i = 0; i < g->ours->count; i++) {
    const char *of = without(ours(g, i)->set->name, "target/");
    const int32_t source = of ? prl_axes_find(g->ours, of, ours(g, i)->param->name) : -1;
    bool known = false;
    for (int32_t k = 0; of && k < g->old->count; k++)
      known = known || !strcmp(old(g, k)->set->name, ours(g, i)->set->name);
    if (source >= 0 && !known) g->params[i].old = g->params[source].old;
  }
}

/* ---- units ---- */

/* The parameter of which this is a copy, or itself. */
static int32_t like(const prl_axes *axes, int32_t param) {
  const prl_axes_of *p = &axes->params[param];
  const char *of = original(p->set->name);
  const int32_t found = of == p->set->name ? -1 : prl_axes_find(axes, of, p->param->name);
  return found < 0 ? param : found;
}

/* Of which dimension's mean or width the place of the parameter is the number; false: of none. */
static bool find_role(const prl_axes *axes, int32_t param, int32_t place, bool *is_mean, int32_t *dimension) {
  for (int32_t i = 0; i < axes->actions; i++) {
    const prl_head *mean = &axes->mean[i], *width = &axes->width[i];
    const bool acts = prl_head_sets(mean);
    *is_mean = acts && mean->layer == param && mean->place == place;
    *dimension = i;
    if (*is_mean || (acts && prl_head_sets(width) && width->layer == param && width->place == place))
      return true;
  }
  return false;
}

static bool has_role(const prl_axes *axes, int32_t param) {
  for (int32_t i = 0; i < axes->actions; i++)
    if (prl_head_sets(&axes->mean[i]) && (axes->mean[i].layer == param || axes->width[i].layer == param))
      return true;
  return false;
}

static bool same_form(const prl_head *a, const prl_head *b) {
  return a->slope == b->slope && a->shift == b->shift && a->gain == b->gain && a->centre == b->centre &&
         a->squashed == b->squashed;
}

/* x′ = factor x + offset, so that centre′ + gain′ (slope′ x′ + shift′) is what centre + gain (slope x +
 * shift) was: without the tanh of either, which is the same of both, or bends what one of them says. */
static void convert(const prl_head *was, const prl_head *is, double *factor, double *offset) {
  *factor = 1, *offset = 0;
  if (same_form(was, is)) return;
  *factor = was->gain * was->slope / (is->gain * is->slope);
  *offset = ((was->centre + was->gain * was->shift - is->centre) / is->gain - is->shift) / is->slope;
}

typedef struct maps {
  int32_t *columns, *places;
  double *factor, *offset;
  bool moved; /* something is multiplied or shifted */
} maps;

static bool new_maps(prl_growth *g, int64_t count, maps *m) {
  const size_t n = (size_t)count + 1;
  *m = (maps){.columns = prl_arena_alloc(&g->arena, n * sizeof *m->columns),
              .places = prl_arena_alloc(&g->arena, n * sizeof *m->places),
              .factor = prl_arena_alloc(&g->arena, n * sizeof *m->factor),
              .offset = prl_arena_alloc(&g->arena, n * sizeof *m->offset)};
  return m->columns && m->places && m->factor && m->offset;
}

/* One output: from the same dimension's. */
static void map_output(prl_growth *g, int32_t param, int32_t place, maps *m) {
  prl_grown *grown = &g->params[param];
  const int64_t was = last_size(old(g, grown->old)->param);
  int32_t i;
  bool is_mean;
  m->columns[place] = NEW;
  m->factor[place] = 1;
  if (!find_role(g->ours, like(g->ours, param), place, &is_mean, &i)) {
    if (last_size(ours(g, param)->param) == was) m->columns[place] = place;
    return;
  }
  const prl_head *from = is_mean ? &g->old->mean[i] : &g->old->width[i];
  const prl_head *to = is_mean ? &g->ours->mean[i] : &g->ours->width[i];
  if (!prl_head_sets(&g->old->mean[i]) || !prl_head_sets(from)) return;
  const bool same_layer = from->layer == like(g->old, grown->old);
  if (!same_layer && (is_mean || old(g, from->layer)->layer >= 0))
    return; /* a width of the state stays there */
  convert(from, to, &m->factor[place], &m->offset[place]);
  m->columns[place] = same_layer ? from->place : OF_WIDTH;
  m->places[place] = from->place;
  if (!same_layer) grown->width = from->layer;
  m->moved = m->moved || !same_layer || m->factor[place] != 1 || m->offset[place] != 0;
}

/* Place by place, with nothing behind them? */
static bool is_plain(const maps *m, int64_t count, int64_t was) {
  bool plain = count == was && !m->moved;
  for (int64_t i = 0; plain && i < count; i++) plain = m->columns[i] == i;
  return plain;
}

/* The last axis of a layer's weight, or of a parameter that is a width. False: memory is short. */
static bool map_units(prl_growth *g, int32_t param) {
  prl_grown *grown = &g->params[param];
  const int64_t count = last_size(ours(g, param)->param), was = last_size(old(g, grown->old)->param);
  const bool hidden = prl_axes_hidden(g->ours, param) && prl_axes_hidden(g->old, grown->old);
  const bool output = !hidden && has_role(g->ours, like(g->ours, param)) && head_layer(g->old) >= 0;
  maps m;
  grown->fits = count == was || (hidden && count > was) || output;
  if (!grown->fits || (!output && count == was)) return true;
  if (!new_maps(g, count, &m)) return false;
  for (int32_t i = 0; i < count; i++) {
    if (output)
      map_output(g, param, i, &m);
    else
      m.columns[i] = i < was ? i : NEW;
  }
  if (is_plain(&m, count, was)) return true;
  grown->columns = m.columns;
  grown->places = m.places;
  grown->output = output;
  if (m.moved) grown->factor = m.factor, grown->offset = m.offset;
  return true;
}

static bool is_layer(const prl_axes *axes, int32_t param) {
  return axes->params[param].layer == param && axes->params[param].param->value.ndim == 2;
}

/* A bias goes by its weight. */
static void map_bias(prl_growth *g, int32_t param) {
  prl_grown *grown = &g->params[param];
  const int32_t layer = ours(g, param)->layer;
  const prl_grown *weight = &g->params[layer];
  if (old(g, grown->old)->layer != weight->old || ours(g, param)->param->value.ndim != 1 ||
      old(g, grown->old)->param->value.ndim != 1)
    return;
  const int32_t from = grown->old;
  *grown = *weight;
  grown->old = from;
  grown->rows = NULL;
}

/* ---- rows ---- */

/* The old plan's column that is the new plan's; kind −1: it is new there. False: its layer is another. */
static bool translate(const prl_growth *g, const prl_column *column, prl_column *out) {
  *out = *column;
  if (column->kind != PRL_COLUMN_UNIT) return true;
  const prl_grown *layer = &g->params[column->layer];
  if (layer->old < 0 || !layer->fits) return false;
  out->layer = layer->old;
  out->place = layer->columns ? layer->columns[column->place] : column->place;
  if (out->place < 0) out->kind = -1;
  return true;
}

static bool same_column(const prl_column *a, const prl_column *b) {
  return a->kind == b->kind && a->layer == b->layer && a->place == b->place;
}

/* The first old column that no new one is: an observation that is missing, or a unit. */
static void note_lost(prl_growth *g, int32_t param, const int32_t *rows, int64_t count, int64_t was,
                      uint8_t *found) {
  prl_grown *grown = &g->params[param];
  for (int64_t i = 0; i < count; i++)
    if (rows[i] >= 0) found[rows[i]] = 1;
  for (int64_t k = 0; k < was; k++) {
    const prl_column *column = &old(g, grown->old)->inputs[k];
    if (found[k]) continue;
    grown->fits = false;
    if (column->kind != PRL_COLUMN_OBSERVATION) continue;
    grown->lost = true;
    if (g->lost >= 0) continue;
    g->lost = column->place;
    g->lost_set = ours(g, param)->set->name;
  }
}

/* The rows of a weight by what they multiply. False: memory is short. */
static bool map_rows(prl_growth *g, int32_t param) {
  prl_grown *grown = &g->params[param];
  const prl_axes_of *to = ours(g, param), *from = old(g, grown->old);
  const int64_t count = to->param->value.shape[0], was = from->param->value.shape[0];
  grown->rows = NULL;
  if (!to->inputs || !from->inputs) {
    grown->fits = grown->fits && count == was;
    return true;
  }
  int32_t *rows = prl_arena_alloc(&g->arena, ((size_t)count + 1) * sizeof *rows);
  uint8_t *found = prl_arena_alloc(&g->arena, (size_t)was + 1);
  if (!rows || !found) return false;
  bool plain = count == was;
  int64_t near = 0; /* columns are mostly in the same order */
  for (int64_t i = 0; i < count; i++) {
    prl_column column;
    rows[i] = NEW;
    if (!translate(g, &to->inputs[i], &column)) grown->fits = false;
    for (int64_t k = 0; grown->fits && column.kind >= 0 && rows[i] < 0 && k < was; k++)
      if (same_column(&from->inputs[(near + k) % was], &column)) rows[i] = (int32_t)((near + k) % was);
    if (rows[i] >= 0) near = rows[i] + 1;
    plain = plain && rows[i] == i;
  }
  if (grown->fits) note_lost(g, param, rows, count, was, found);
  if (!plain) grown->rows = rows;
  return true;
}

/* ---- all of it ---- */

static bool same_shape(const prl_growth *g, int32_t param) {
  const prl_tensor *a = &ours(g, param)->param->value, *b = &old(g, g->params[param].old)->param->value;
  return a->ndim == b->ndim && !memcmp(a->shape, b->shape, (size_t)a->ndim * sizeof *a->shape);
}

static bool map_param(prl_growth *g, int32_t param) {
  prl_grown *grown = &g->params[param];
  const int32_t layer = ours(g, param)->layer;
  const bool one = ours(g, param)->param->value.ndim == 1;
  *grown = (prl_grown){.old = grown->old, .width = -1};
  if (grown->old < 0) return true;
  if (is_layer(g->ours, param) && is_layer(g->old, grown->old)) return map_units(g, param);
  if (one && layer < 0 && old(g, grown->old)->layer < 0 && has_role(g->ours, like(g->ours, param)))
    return map_units(g, param);
  grown->fits = same_shape(g, param);
  return true;
}

/* A set of which a layer does not fit does not grow in another: what is of the same shape stays. */
static bool give_up(prl_growth *g, int32_t param) {
  bool changed = false;
  for (int32_t i = 0; i < g->ours->count; i++) {
    prl_grown *other = &g->params[i];
    if (ours(g, i)->set != ours(g, param)->set || !other->fits || !other->columns) continue;
    *other = (prl_grown){.old = other->old, .width = -1, .fits = same_shape(g, i)};
    changed = true;
  }
  return changed;
}

/* Whatever does not fit takes what it fits in with it, until nothing changes: at most as often as there are
 * parameters. */
static bool settle(prl_growth *g) {
  bool changed = true;
  while (changed) {
    changed = false;
    for (int32_t i = 0; i < g->ours->count; i++) {
      if (g->params[i].old < 0 || !is_layer(g->ours, i) || !is_layer(g->old, g->params[i].old)) continue;
      const bool fitted = g->params[i].fits;
      if (fitted && !map_rows(g, i)) return false;
      if (!g->params[i].fits) changed = give_up(g, i) || fitted || changed;
    }
  }
  for (int32_t i = 0; i < g->ours->count; i++) {
    const int32_t layer = ours(g, i)->layer;
    if (g->params[i].old >= 0 && layer >= 0 && layer != i && is_layer(g->ours, layer)) map_bias(g, i);
  }
  return true;
}

/* As before there was growth: what has the same name and shape is taken, but for a layer that no longer sees
 * what it saw. */
static void fall_back(prl_growth *g) {
  for (int32_t i = 0; i < g->ours->count; i++) {
    prl_grown *grown = &g->params[i];
    if (grown->old < 0) continue;
    const bool own = !strcmp(ours(g, i)->set->name, old(g, grown->old)->set->name);
    if (!grown->fits)
      *grown = (prl_grown){.old = grown->old, .width = -1, .fits = own && !grown->lost && same_shape(g, i)};
    grown->same = grown->fits && !grown->rows && !grown->columns && !grown->factor;
  }
}

static void compare_actions(prl_growth *g) {
  if (head_layer(g->ours) < 0 || head_layer(g->old) < 0 || g->ours->actions != g->old->actions) return;
  for (int32_t i = 0; i < g->ours->actions; i++) {
    const prl_head *is = &g->ours->mean[i], *was = &g->old->mean[i];
    const bool sets = prl_head_sets(is), both = sets && prl_head_sets(was);
    const bool other = is->squashed != was->squashed || is->gain != was->gain || is->centre != was->centre;
    g->actions_differ = g->actions_differ || sets != prl_head_sets(was);
    g->bends = g->bends || (both && other);
  }
}

static bool map_all(prl_growth *g) {
  g->params = prl_arena_alloc(&g->arena, ((size_t)g->ours->count + 1) * sizeof *g->params);
  if (!g->params) return false;
  pair_by_name(g);
  pair_policy(g);
  pair_targets(g);
  bool good = true;
  for (int32_t i = 0; good && i < g->ours->count; i++) good = map_param(g, i);
  if (!good || !settle(g)) return false;
  fall_back(g);
  compare_actions(g);
  return true;
}

prl_status prl_growth_new(prl_runtime *runtime, const prl_value *old_root, const prl_sets *old_sets,
                          const prl_value *root, const prl_sets *sets, prl_growth **out, prl_error *error) {
  prl_growth *g = prl_calloc(runtime, 1, sizeof *g);
  if (!g) return prl_fail_memory(error, sizeof *g);
  prl_arena_init(&g->arena, runtime);
  g->lost = -1;
  prl_status status = prl_axes_new(runtime, old_root, old_sets, &g->old, error);
  if (!status) status = prl_axes_new(runtime, root, sets, &g->ours, error);
  if (!status && !map_all(g)) status = prl_fail_memory(error, sizeof *g->params);
  if (status)
    prl_growth_free(g);
  else
    *out = g;
  return status;
}

void prl_growth_free(prl_growth *g) {
  if (!g) return;
  prl_runtime *runtime = g->arena.runtime;
  prl_axes_free(g->old);
  prl_axes_free(g->ours);
  prl_arena_deinit(&g->arena);
  prl_free(runtime, g);
}

/* ---- what it gives ---- */

static int32_t first_of(const prl_growth *g, int set) {
  int32_t i = 0;
  while (i < g->ours->count && ours(g, i)->set_index < set) i++;
  return i;
}

const prl_grown *prl_growth_of(const prl_growth *g, int set, int item) {
  if (!g) return NULL;
  const prl_grown *grown = &g->params[first_of(g, set) + item];
  return grown->fits ? grown : NULL;
}

static int64_t rows_of(const prl_tensor *shape) {
  return prl_tensor_count(shape) / (shape->ndim ? shape->shape[shape->ndim - 1] : 1);
}

/* The place in the old parameter; NEW, or OF_WIDTH. */
static int64_t source_of(const prl_grown *g, int64_t row, int64_t column, int64_t was) {
  const int64_t c = g->columns ? g->columns[column] : column, r = g->rows ? g->rows[row] : row;
  return c < 0 ? c : r < 0 ? NEW : r * was + c;
}

void prl_grown_values(const prl_grown *g, const prl_tensor *shape, const prl_tensor *old_shape, float *to,
                      const float *from, const float *width) {
  if (g->same) {
    memcpy(to, from, (size_t)prl_tensor_count(shape) * sizeof *to);
    return;
  }
  const int64_t columns = shape->shape[shape->ndim - 1], was = old_shape->shape[old_shape->ndim - 1];
  const bool bias = shape->ndim == 1;
  for (int64_t r = 0; r < rows_of(shape); r++)
    for (int64_t c = 0; c < columns; c++, to++) {
      const int64_t at = source_of(g, r, c, was);
      const double factor = g->factor ? g->factor[c] : 1, offset = g->offset && bias ? g->offset[c] : 0;
      if (at >= 0)
        *to = g->factor ? (float)(factor * (double)from[at] + offset) : from[at];
      else if (at == OF_WIDTH)
        *to = bias && width ? (float)(factor * (double)width[g->places[c]] + offset) : 0;
      else if (!g->columns || g->columns[c] >= 0 || (g->output && !bias))
        *to = 0;
    }
}

void prl_grown_moments(const prl_grown *g, const prl_tensor *shape, const prl_tensor *old_shape, int power,
                       float *to, const float *from) {
  if (g->same) {
    memcpy(to, from, (size_t)prl_tensor_count(shape) * sizeof *to);
    return;
  }
  const int64_t columns = shape->shape[shape->ndim - 1], was = old_shape->shape[old_shape->ndim - 1];
  for (int64_t r = 0; r < rows_of(shape); r++)
    for (int64_t c = 0; c < columns; c++) {
      const int64_t at = source_of(g, r, c, was);
      const double factor = g->factor ? g->factor[c] : 1;
      to[r * columns + c] = at < 0 ? 0 : (float)((double)from[at] / (power == 1 ? factor : factor * factor));
    }
}

int64_t prl_grown_count(const prl_grown *g, const prl_tensor *shape) {
  const int64_t columns = shape->ndim ? shape->shape[shape->ndim - 1] : 1;
  int64_t count = 0;
  for (int64_t r = 0; r < rows_of(shape); r++)
    for (int64_t c = 0; c < columns; c++) count += source_of(g, r, c, columns) != NEW;
  return count;
}

const char *prl_growth_source(const prl_growth *g, int set) {
  for (int32_t i = g ? first_of(g, set) : 0; g && i < g->ours->count && ours(g, i)->set_index == set; i++)
    if (g->params[i].fits && strcmp(old(g, g->params[i].old)->set->name, ours(g, i)->set->name) != 0)
      return old(g, g->params[i].old)->set->name;
  return NULL;
}

const char *prl_growth_unlike(const prl_growth *g, int set) {
  const int32_t first = g ? first_of(g, set) : 0;
  if (!g || !g->unlike || first == g->ours->count || ours(g, first)->set != g->unlike) return NULL;
  return prl_growth_source(g, set) ? NULL : g->why;
}

bool prl_growth_bends(const prl_growth *g, int set, prl_unary *is, prl_unary *was) {
  for (int32_t i = g ? first_of(g, set) : 0; g && i < g->ours->count && ours(g, i)->set_index == set; i++) {
    if (!g->params[i].fits || !is_layer(g->ours, i)) continue;
    if (prl_axes_hidden(g->ours, i) != prl_axes_hidden(g->old, g->params[i].old)) continue; /* a last one */
    *is = (prl_unary)ours(g, i)->activation;
    *was = (prl_unary)old(g, g->params[i].old)->activation;
    if (*is != *was) return true;
  }
  return false;
}

bool prl_growth_moves(const prl_growth *g, int set) {
  for (int32_t i = g ? first_of(g, set) : 0; g && i < g->ours->count && ours(g, i)->set_index == set; i++)
    if (g->params[i].fits && g->params[i].factor) return true;
  return false;
}

/* ---- what is said of it ---- */

typedef struct said {
  char *text;
  size_t size, at;
} said;

/* A part of the list, or, where it begins with a comma, more of the one before. */
PRL_PRINTF(2, 3)
static void say(said *s, const char *format, ...) {
  va_list arguments;
  if (s->at && *format != ',') s->at += (size_t)snprintf(s->text + s->at, s->size - s->at, "; ");
  va_start(arguments, format);
  prl_vformat(s->text + s->at, s->size - s->at, format, arguments);
  va_end(arguments);
  s->at += strlen(s->text + s->at);
}

/* Each change of a layer's size, once. */
static void say_units(const prl_growth *g, int32_t param, said *s) {
  char one[64];
  const int64_t was = last_size(old(g, g->params[param].old)->param), is = last_size(ours(g, param)->param);
  if (was == is) return;
  snprintf(one, sizeof one, "%lld → %lld %s", (long long)was, (long long)is,
           g->params[param].output ? "outputs" : "units");
  if (!strstr(s->text, one)) say(s, "%s", one);
}

/* Inputs that are new: units of a layer in another set, and observations by their names, as many as find
 * room. */
static void say_inputs(const prl_growth *g, int32_t param, const prl_value *names, said *s) {
  const prl_axes_of *layer = ours(g, param);
  const int32_t *rows = g->params[param].rows;
  const int64_t count = layer->param->value.shape[0];
  int64_t seen = 0, named = 0, units = 0;
  for (int64_t i = 0; i < count; i++) {
    const prl_column *column = &layer->inputs[i];
    seen += rows[i] < 0 && column->kind == PRL_COLUMN_OBSERVATION;
    units += rows[i] < 0 && column->kind == PRL_COLUMN_UNIT && ours(g, column->layer)->set != layer->set;
  }
  if (units) say(s, "%lld → %lld inputs", (long long)(count - units), (long long)count);
  if (!seen || strstr(s->text, "new input")) return;
  say(s, "%lld new input%s", (long long)seen, seen == 1 ? "" : "s");
  for (int64_t i = 0; i < count && s->at + 60 < s->size / 2; i++) {
    if (rows[i] >= 0 || layer->inputs[i].kind != PRL_COLUMN_OBSERVATION) continue;
    const prl_value *name = prl_item(names, layer->inputs[i].place);
    const char *text = name && name->kind == PRL_STRING ? name->as.text : "?";
    s->at += (size_t)snprintf(s->text + s->at, s->size - s->at, "%s%.40s", named++ ? ", " : ": ", text);
  }
  if (named < seen) say(s, ", and %lld more", (long long)(seen - named));
}

/* Whether the set has the old one's activations and all that it had. */
static bool stays(const prl_growth *g, int set) {
  bool same = true;
  for (int32_t i = first_of(g, set); i < g->ours->count && ours(g, i)->set_index == set; i++) {
    const prl_grown *grown = &g->params[i];
    same = same && grown->fits &&
           (!is_layer(g->ours, i) || ours(g, i)->activation == old(g, grown->old)->activation);
  }
  return same;
}

void prl_growth_describe(const prl_growth *g, int set, const prl_value *names, char *text, size_t size) {
  said s = {text, size, 0};
  bool output = false;
  text[0] = 0;
  for (int32_t i = g ? first_of(g, set) : 0; g && i < g->ours->count && ours(g, i)->set_index == set; i++) {
    const prl_grown *grown = &g->params[i];
    if (!grown->fits || grown->same || !is_layer(g->ours, i)) continue;
    say_units(g, i, &s);
    if (grown->rows) say_inputs(g, i, names, &s);
    output = output || grown->output;
  }
  if (output && g->actions_differ) say(&s, "it sets other dimensions of the action");
  if (prl_growth_moves(g, set)) say(&s, "its outputs are scaled to the new bounds and units");
  if (output && g->bends)
    say(&s, "the mean action is nearly the same in the middle of the bounds, and another near them");
  else if (stays(g, set))
    say(&s, "what it computes stays");
}
