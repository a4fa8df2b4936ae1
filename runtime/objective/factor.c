/* A reward that is another one times a number, found by comparing their trees. */
#include "objective/factor.h"

#include <math.h>
#include <string.h>

/* Whether the tree is an op of this name. */
static bool is_op(const prl_value *tree, const char *name) {
  const prl_value *op = tree->kind == PRL_ARRAY ? prl_item(tree, 0) : NULL;
  return op && op->kind == PRL_STRING && !strcmp(op->as.text, name);
}

/* The tree without the numbers that it is multiplied and divided by, which go into *factor. */
static const prl_value *strip(const prl_value *tree, double *factor) {
  for (;;) {
    if (tree->kind != PRL_ARRAY) return tree;
    const prl_value *a = prl_item(tree, 1), *b = prl_item(tree, 2);
    if (is_op(tree, "neg")) {
      *factor = -*factor;
      tree = a;
    } else if (is_op(tree, "mul") && prl_count(tree) == 3 && a->kind == PRL_NUMBER) {
      *factor *= a->as.number;
      tree = b;
    } else if (is_op(tree, "mul") && prl_count(tree) == 3 && b->kind == PRL_NUMBER) {
      *factor *= b->as.number;
      tree = a;
    } else if (is_op(tree, "div") && b->kind == PRL_NUMBER) {
      *factor /= b->as.number;
      tree = a;
    } else {
      return tree;
    }
  }
}

/* The factor of y over x: 0 where both are always 0, so that any would do; NaN where there is none. */
static double ratio(const prl_value *x, const prl_value *y);

/* One factor for arguments `first` … of both. */
static double common(const prl_value *x, const prl_value *y, int64_t first) {
  double found = 0;
  for (int64_t i = first; i < prl_count(x); i++) {
    const double one = ratio(prl_item(x, i), prl_item(y, i));
    if (isnan(one) || (one != 0 && found != 0 && one != found)) return NAN;
    if (one != 0) found = one;
  }
  return found;
}

static double ratio_of_cores(const prl_value *x, const prl_value *y) {
  if (x->kind == PRL_NUMBER && y->kind == PRL_NUMBER) {
    if (x->as.number == 0 || y->as.number == 0) return x->as.number == y->as.number ? 0 : NAN;
    return y->as.number / x->as.number;
  }
  if (prl_value_equal(x, y)) return 1;
  if (x->kind != PRL_ARRAY || y->kind != PRL_ARRAY || prl_count(x) != prl_count(y)) return NAN;
  if ((is_op(x, "add") && is_op(y, "add")) || (is_op(x, "sub") && is_op(y, "sub"))) return common(x, y, 1);
  if (is_op(x, "where") && is_op(y, "where") && prl_value_equal(prl_item(x, 1), prl_item(y, 1)))
    return common(x, y, 2);
  return NAN;
}

static double ratio(const prl_value *x, const prl_value *y) {
  double over = 1, under = 1;
  const prl_value *a = strip(x, &under), *b = strip(y, &over);
  if (over == 0 || under == 0) return over == under ? 0 : NAN; /* one that is always 0 is no multiple */
  const double cores = ratio_of_cores(a, b);
  return cores == 0 ? 0 : cores * over / under;
}

bool prl_expression_factor(const prl_value *tree, const prl_value *other, double *factor) {
  if (!tree || !other) return false;
  const double found = ratio(tree, other);
  if (!isfinite(found) || found == 0) return false;
  *factor = found;
  return true;
}
