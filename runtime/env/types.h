/* The environments that are built into the library, one .c each. */
#ifndef PRL_ENV_TYPES_H
#define PRL_ENV_TYPES_H

#include "perilune/env.h"

extern const prl_env_type prl_env_acrobot;
extern const prl_env_type prl_env_cartpole;
extern const prl_env_type prl_env_kuairand;
extern const prl_env_type prl_env_mountain_car;
extern const prl_env_type prl_env_mountain_car_continuous;
extern const prl_env_type prl_env_pendulum;
extern const prl_env_type prl_env_shortvideo;

int prl_env_option_count(const prl_env_type *type);

/* Whether a type that somebody else made has all that is called. Fails with `status`; `where` begins the
 * sentence. */
prl_status prl_env_check_type(const prl_env_type *type, prl_status status, const char *where,
                              prl_error *error);

/* What a type's function returned. One that fails without a message, which the caller emptied before the
 * call, gets one: the environment's name, what failed, and the status. */
prl_status prl_env_told(const prl_env_type *type, const char *what, prl_status status, prl_error *error);

/* type->spec, told. */
prl_status prl_env_make_spec(const prl_env_type *type, const double *options, prl_env_spec *spec,
                             prl_error *error);

#endif
