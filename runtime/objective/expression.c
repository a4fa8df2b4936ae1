/* Expressions over responses: read from plain data, and evaluated for rows. */
#include "objective/expression.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/nearest.h"

enum { TILE = 64, MAX_DEPTH = 200 };

typedef enum op {
  ADD,
  MUL,
  MIN,
  MAX,
  BOTH,
  EITHER,
  SUB,
  DIV,
  GT,
  GE,
  LT,
  LE,
  EQ,
  NEG,
  ABS,
  SQRT,
  EXP,
  LOG,
  LOG1P,
  NEGATE,
  CLIP,
  WHERE,
  OPS,
  NUMBER = OPS,
  RESPONSE
} op;

static const struct {
  const char *name;
  int arguments;
  bool more; /* than so many, folded from the left */
} ops[OPS] = {
    [ADD] = {"add", 2, true},      [MUL] = {"mul", 2, true},        [MIN] = {"min", 2, true},
    [MAX] = {"max", 2, true},      [BOTH] = {"both", 2, true},      [EITHER] = {"either", 2, true},
    [SUB] = {"sub", 2, false},     [DIV] = {"div", 2, false},       [GT] = {"gt", 2, false},
    [GE] = {"ge", 2, false},       [LT] = {"lt", 2, false},         [LE] = {"le", 2, false},
    [EQ] = {"eq", 2, false},       [NEG] = {"neg", 1, false},       [ABS] = {"abs", 1, false},
    [SQRT] = {"sqrt", 1, false},   [EXP] = {"exp", 1, false},       [LOG] = {"log", 1, false},
    [LOG1P] = {"log1p", 1, false}, [NEGATE] = {"negate", 1, false}, [CLIP] = {"clip", 3, false},
    [WHERE] = {"where", 3, false},
};

typedef struct step {
  int32_t op;
  int32_t index; /* of a response */
  double number;
} step;

struct prl_expression {
  prl_runtime *runtime;
  int32_t responses;
  int32_t count, depth; /* steps; values on the stack at most */
  step *steps;          /* postfix */
  double *stack;        /* (depth, TILE) */
};

/* ---- compiling ---- */

typedef struct compiler {
  prl_expression *e; /* steps NULL while they are only counted */
  const char *what;
  int32_t height;
  prl_error *error;
} compiler;

static void emit(compiler *c, step s, int32_t arguments) {
  if (c->e->steps) c->e->steps[c->e->count] = s;
  c->e->count++;
  c->height += 1 - arguments;
  if (c->height > c->e->depth) c->e->depth = c->height;
}

static prl_status bad(compiler *c, const char *problem) {
  return prl_fail(c->error, PRL_EFORMAT, "%s: %s; expected a number, [\"r\", index] or [op, argument, ...]",
                  c->what, problem);
}

static prl_status find_op(compiler *c, const char *name, int32_t *out) {
  prl_nearest nearest = prl_nearest_begin(name);
  for (int i = 0; i < OPS; i++) {
    if (!strcmp(ops[i].name, name)) {
      *out = i;
      return PRL_OK;
    }
    prl_nearest_offer(&nearest, ops[i].name);
  }
  return prl_fail(c->error, PRL_EFORMAT, "%s: there is no operation \"%.40s\"%s", c->what, name,
                  prl_nearest_hint(&nearest));
}

static prl_status compile_response(compiler *c, const prl_value *tree) {
  const prl_value *index = prl_item(tree, 1);
  if (prl_count(tree) != 2 || !index || index->kind != PRL_NUMBER) return bad(c, "malformed response");
  double at = index->as.number;
  if (!(at >= 0 && at < c->e->responses) || at != floor(at))
    return prl_fail(c->error, PRL_EFORMAT, "%s: response %g; there are %" PRId32 " of them, from 0", c->what,
                    at, c->e->responses);
  emit(c, (step){.op = RESPONSE, .index = (int32_t)at}, 0);
  return PRL_OK;
}

static prl_status compile(compiler *c, const prl_value *tree, int nesting) {
  if (nesting > MAX_DEPTH)
    return prl_fail(c->error, PRL_EFORMAT, "%s: nested deeper than %d", c->what, MAX_DEPTH);
  if (tree && tree->kind == PRL_NUMBER) {
    if (!isfinite(tree->as.number)) return bad(c, "a number that is not finite");
    emit(c, (step){.op = NUMBER, .number = tree->as.number}, 0);
    return PRL_OK;
  }
  const prl_value *head = tree && tree->kind == PRL_ARRAY ? prl_item(tree, 0) : NULL;
  if (!head || head->kind != PRL_STRING) return bad(c, "malformed expression");
  if (!strcmp(head->as.text, "r")) return compile_response(c, tree);
  int32_t found = 0;
  prl_status status = find_op(c, head->as.text, &found);
  if (status) return status;
  int64_t arguments = prl_count(tree) - 1;
  if (ops[found].more ? arguments < ops[found].arguments : arguments != ops[found].arguments)
    return prl_fail(c->error, PRL_EFORMAT, "%s: '%s' has %" PRId64 " arguments; it takes %d%s", c->what,
                    ops[found].name, arguments, ops[found].arguments, ops[found].more ? " or more" : "");
  for (int64_t i = 0; i < arguments; i++) {
    if ((status = compile(c, prl_item(tree, i + 1), nesting + 1))) return status;
    if (ops[found].more && i > 0) emit(c, (step){.op = found}, 2);
  }
  if (!ops[found].more) emit(c, (step){.op = found}, ops[found].arguments);
  return PRL_OK;
}

prl_status prl_expression_new(prl_runtime *runtime, const prl_value *tree, int32_t responses,
                              const char *what, prl_expression **out, prl_error *error) {
  prl_expression counted = {.runtime = runtime, .responses = responses};
  compiler c = {.e = &counted, .what = what, .error = error};
  prl_status status = compile(&c, tree, 0);
  if (status) return status;
  prl_expression *e = prl_calloc(runtime, 1, sizeof *e);
  if (!e) return prl_fail_memory(error, sizeof *e);
  *e = (prl_expression){.runtime = prl_runtime_retain(runtime), .responses = responses};
  e->steps = prl_calloc(runtime, (size_t)counted.count, sizeof *e->steps);
  e->stack = prl_calloc(runtime, (size_t)counted.depth * TILE, sizeof *e->stack);
  if (!e->steps || !e->stack) {
    prl_expression_free(e);
    return prl_fail_memory(error, (size_t)counted.depth * TILE * sizeof(double));
  }
  c = (compiler){.e = e, .what = what, .error = error};
  status = compile(&c, tree, 0);
  *out = e;
  return status;
}

void prl_expression_free(prl_expression *e) {
  if (!e) return;
  prl_runtime *runtime = e->runtime;
  prl_free(runtime, e->steps);
  prl_free(runtime, e->stack);
  prl_free(runtime, e);
  prl_runtime_release(runtime);
}

/* ---- evaluating ---- */

#define EACH(value)                                                                                          \
  for (int64_t i = 0; i < n; i++) x[i] = (value);                                                            \
  break

static void apply1(int32_t kind, int64_t n, double *x) {
  switch (kind) {
  case NEG:
    EACH(-x[i]);
  case ABS:
    EACH(fabs(x[i]));
  case SQRT:
    EACH(sqrt(x[i]));
  case EXP:
    EACH(exp(x[i]));
  case LOG:
    EACH(log(x[i]));
  case LOG1P:
    EACH(log1p(x[i]));
  case NEGATE:
    EACH(x[i] == 0);
  }
}

static void apply2(int32_t kind, int64_t n, double *x, const double *y) {
  switch (kind) {
  case ADD:
    EACH(x[i] + y[i]);
  case MUL:
    EACH(x[i] * y[i]);
  case MIN:
    EACH(y[i] < x[i] ? y[i] : x[i]);
  case MAX:
    EACH(y[i] > x[i] ? y[i] : x[i]);
  case BOTH:
    EACH(x[i] != 0 && y[i] != 0);
  case EITHER:
    EACH(x[i] != 0 || y[i] != 0);
  case SUB:
    EACH(x[i] - y[i]);
  case DIV:
    EACH(x[i] / y[i]);
  case GT:
    EACH(x[i] > y[i]);
  case GE:
    EACH(x[i] >= y[i]);
  case LT:
    EACH(x[i] < y[i]);
  case LE:
    EACH(x[i] <= y[i]);
  case EQ:
    EACH(x[i] == y[i]);
  }
}

static void apply3(int32_t kind, int64_t n, double *x, const double *y, const double *z) {
  switch (kind) {
  case CLIP:
    EACH(x[i] < y[i] ? y[i] : x[i] > z[i] ? z[i] : x[i]);
  case WHERE:
    EACH(x[i] != 0 ? y[i] : z[i]);
  }
}

static void apply(const step *s, int64_t n, double **top) {
  int arguments = ops[s->op].arguments;
  double *x = *top - (int64_t)arguments * TILE;
  if (arguments == 1)
    apply1(s->op, n, x);
  else if (arguments == 2)
    apply2(s->op, n, x, x + TILE);
  else
    apply3(s->op, n, x, x + TILE, x + 2 * TILE);
  *top = x + TILE;
}

void prl_expression_eval(prl_expression *e, int64_t rows, const float *responses, float *out) {
  for (int64_t first = 0; first < rows; first += TILE) {
    int64_t n = rows - first < TILE ? rows - first : TILE;
    const float *from = responses + first * e->responses;
    double *top = e->stack;
    for (const step *s = e->steps; s < e->steps + e->count; s++) {
      if (s->op == NUMBER) {
        for (int64_t i = 0; i < n; i++) top[i] = s->number;
        top += TILE;
      } else if (s->op == RESPONSE) {
        for (int64_t i = 0; i < n; i++) top[i] = from[i * e->responses + s->index];
        top += TILE;
      } else {
        apply(s, n, &top);
      }
    }
    for (int64_t i = 0; i < n; i++) out[first + i] = (float)e->stack[i];
  }
}

double prl_expression_value(prl_expression *e, const double *responses) {
  double *top = e->stack;
  for (const step *s = e->steps; s < e->steps + e->count; s++) {
    if (s->op == NUMBER || s->op == RESPONSE) {
      *top = s->op == NUMBER ? s->number : responses[s->index];
      top += TILE;
    } else {
      apply(s, 1, &top);
    }
  }
  return e->stack[0];
}
