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

/* Index of an option of the type by its name. Fails: PRL_ENAME. */
prl_status prl_env_option_find(const prl_env_type *type, const char *name, int *index, prl_error *error);
int prl_env_option_count(const prl_env_type *type);

#endif
