/* Whether one reward is another one times a number. */
#ifndef PRL_OBJECTIVE_FACTOR_H
#define PRL_OBJECTIVE_FACTOR_H

#include "core/value.h"

/* Two trees of expressions (expression.h). True: whatever the responses, the second is *factor times the
 * first, as their forms show: 2 · r.watch of r.watch, 2 · r.watch + 6 · r.like of r.watch + 3 · r.like. The
 * factor is finite and not 0. False: they are not, or it does not show. */
bool prl_expression_factor(const prl_value *tree, const prl_value *other, double *factor);

#endif
