/* The fields of a vector env, and what its files call of each other. */
#ifndef PRL_ENV_VECENV_PARTS_H
#define PRL_ENV_VECENV_PARTS_H

#include "core/arguments.h"
#include "core/memory.h"
#include "env/types.h"

typedef enum vecenv_stage { STAGE_NEW, STAGE_RUNNING, STAGE_FAILED } vecenv_stage;

struct prl_vecenv {
  prl_runtime *runtime;
  const prl_env_type *type;
  prl_env_spec spec;
  int64_t n;
  int64_t twins;  /* the last of them: each has the stream of one of the first */
  uint8_t *waits; /* (n) of coupled instances: those whose partners' episodes still run; NULL: not coupled */
  unsigned char *kept; /* (n / 2, prl_couples_size): where a couple goes on whose first instance waits */
  uint64_t seed;
  vecenv_stage stage;
  bool begun;  /* a first episode has started: a further reset takes the next number */
  bool opened; /* shared holds what type->close releases */
  double *options;
  void *shared;
  unsigned char *state; /* (n, state_size) */
  uint64_t *stream;     /* (n) */
  uint32_t *episode;    /* (n) */
  uint32_t *step;       /* (n) */
  uint8_t *ended;       /* (n) scratch: instances that start anew */
  int64_t parts;        /* into which it is divided; 0: it is not */
  prl_vecenv *part;     /* (parts): each uses what is above of its own instances */
  int64_t first;        /* of a part: its first instance */
  bool divided;         /* it is a part */
};

prl_env_batch prl_vecenv_batch(const prl_vecenv *env); /* all instances; what a step fills is left to it */

/* couple.c: of coupled instances, after each has begun its next episode; and after a reset of all. Without
 * couples they do nothing. */
void prl_couples_settle(prl_vecenv *env, const prl_step *step);
void prl_couples_begin(prl_vecenv *env, float *observation);
size_t prl_couples_size(const prl_vecenv *env); /* bytes kept of a couple */

/* divide.c: of a divided vector env, part by part. */
prl_status prl_parts_reset(prl_vecenv *env, float *observation, prl_error *error);
prl_status prl_parts_step(prl_vecenv *env, const prl_step *step, prl_error *error);
prl_status prl_parts_replace(prl_vecenv *env, const uint8_t *mask, const uint64_t *stream, float *observation,
                             prl_error *error);
prl_status prl_parts_size(const prl_vecenv *env, int64_t *size, prl_error *error);
prl_status prl_parts_save(const prl_vecenv *env, void *bytes, int64_t size, prl_error *error);
prl_status prl_parts_load(prl_vecenv *env, const void *bytes, int64_t size, prl_error *error);

/* check.c: what a foreign type may get wrong is refused once, so that a step need not look. Fails:
 * PRL_EINVAL. */
prl_status prl_vecenv_check_spec(const prl_env_type *type, const prl_env_spec *spec, prl_error *error);
/* Fails: PRL_EINVAL (not finite, or not one of the choices: the action's name, the instance, the value). */
prl_status prl_vecenv_check_actions(const prl_vecenv *env, const float *action, prl_error *error);
/* What a clock of an environment may tell: sums of it are counted on without a look. Fails: PRL_EINVAL. */
prl_status prl_vecenv_check_elapsed(const prl_vecenv *env, const int64_t *elapsed_us, prl_error *error);

#endif
