/* The constant table of this compilation. */
#include "tensor/kernels/parts.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define UNARY(NAME, name) [PRL_##NAME] = PART(name),
#define UNARY_GRAD(NAME, name) [PRL_##NAME] = PART(name##_grad),
#define BINARY(NAME, name) [PRL_##NAME] = PART(name),
#define BINARY_SCALAR(NAME, name) [PRL_##NAME] = PART(name##_scalar),
#define SCALAR_BINARY(NAME, name) [PRL_##NAME] = PART(scalar_##name),

const prl_kernels PART(kernels) = {
    .name = TEXT(PRL_TABLE),
    .linear = PART(linear),
    .linear_gx = PART(linear_gx),
    .linear_gw = PART(linear_gw),
    .unary = {EACH_UNARY(UNARY)},
    .unary_grad = {EACH_UNARY(UNARY_GRAD)},
    .binary = {EACH_BINARY(BINARY)},
    .binary_scalar = {EACH_BINARY(BINARY_SCALAR)},
    .scalar_binary = {EACH_BINARY(SCALAR_BINARY)},
    .axpy = PART(axpy),
    .fma = PART(fma),
    .sum = PART(sum),
    .sumsq = PART(sumsq),
    .finite = PART(finite),
    .softmax = PART(softmax),
    .log_softmax = PART(log_softmax),
    .logsumexp = PART(logsumexp),
    .adam = PART(adam),
    .sgd = PART(sgd),
    .rmsprop = PART(rmsprop),
    .normalise = PART(normalise),
    .uniforms = PART(uniforms),
    .normals = PART(normals),
};
