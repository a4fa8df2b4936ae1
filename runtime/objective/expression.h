/* Expressions over the responses of a step: what a reward function of a recipe becomes.
 *
 * A tree is a number, ["r", index] (0-based response), or [op, argument, …]:
 *     add mul min max both either   two or more arguments
 *     sub div gt ge lt le eq        two
 *     neg abs sqrt exp log log1p negate   one
 *     clip                          x, low, high
 *     where                         condition, value if it is not 0, value if it is 0
 * Comparisons and conditions give 1 or 0; a condition holds where it is not 0. Both values of `where` are
 * computed. Arithmetic is float64 with the C library's functions; the result is rounded to float32 once. */
#ifndef PRL_OBJECTIVE_EXPRESSION_H
#define PRL_OBJECTIVE_EXPRESSION_H

#include "core/value.h"

typedef struct prl_expression prl_expression;

/* what: how messages name the tree ("objective.critics.watch.reward"). Fails: PRL_EFORMAT (an unknown op with
 * the nearest one, a wrong number of arguments, a response out of range, nesting beyond 200), PRL_ENOMEM. */
prl_status prl_expression_new(prl_runtime *runtime, const prl_value *tree, int32_t responses,
                              const char *what, prl_expression **out, prl_error *error);
void prl_expression_free(prl_expression *expression);
/* out[i] = the expression at row i of responses (rows, responses); out must not alias them. No allocation.
 * The result of a row does not depend on the rows around it. */
void prl_expression_eval(prl_expression *expression, int64_t rows, const float *responses, float *out);
/* One row in float64, not rounded. */
double prl_expression_value(prl_expression *expression, const double *responses);

#endif
