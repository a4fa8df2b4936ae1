/* The environments that are built into the library, each in a file or folder of its own, and what the room
 * asks of a type. */
#ifndef PRL_ENV_TYPES_H
#define PRL_ENV_TYPES_H

#include "perilune/env.h"

/* The one list of them: it gives the externs and the registry. */
#define PRL_ENVS(ENV)                                                                                        \
  ENV(cartpole)                                                                                              \
  ENV(pendulum)                                                                                              \
  ENV(acrobot)                                                                                               \
  ENV(mountain_car)                                                                                          \
  ENV(mountain_car_continuous)                                                                               \
  ENV(shortvideo)                                                                                            \
  ENV(kuairand)

#define PRL_ENV_EXTERN(name) extern const prl_env_type prl_env_##name;
PRL_ENVS(PRL_ENV_EXTERN)

int prl_env_option_count(const prl_env_type *type);
/* The words for the values of an option, which NULL ends; NULL: it is a number. */
const char *const *prl_env_words_of(const prl_env_type *type, const char *option);
bool prl_env_is_later(const prl_env_type *type, const char *option);

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
