/* What the world knows of a person and production does not: the observations of the option `latent`, by which
 * a policy shows what can be had. */
#include <math.h>
#include <stdio.h>

#include "env/kuairand/kuairand.h"

static const prl_observation_spec mind[FEED_MIND] = {FEED_MIND_SPEC};
/* In the order of kr_answer, and of what follows the heads in a user's row. */
static const char *const row[KR_ROW] = {"watch",   "like", "follow", "share",
                                        "comment", "hate", "gain",   "liking"};

static prl_observation_spec *add(prl_observation_spec *to, const char *name, bool influenced) {
  *to = (prl_observation_spec){name, "", -INFINITY, INFINITY, influenced};
  return to + 1;
}

void prl_kuairand_latent_spec(kr_world *world) {
  const int32_t known = KR_OBSERVATIONS + world->features;
  prl_observation_spec *to = world->with_latent;
  char(*name)[32] = world->latent_name;
  memcpy(to, world->observation, (size_t)known * sizeof *to);
  to += known;
  memcpy(to, mind, sizeof mind);
  to += FEED_MIND;
  for (int k = 0; k < KR_ROW; k++, name++) {
    snprintf(*name, sizeof *name, "latent_%s_level", row[k]);
    to = add(to, *name, false);
  }
  for (int k = 0; k < KR_HEADS; k++)
    for (int d = 0; d < world->factors; d++, name++) {
      snprintf(*name, sizeof *name, "latent_%s_taste_%d", row[k], d + 1);
      to = add(to, *name, false);
    }
  for (int d = 0; d < world->factors; d++, name++) {
    snprintf(*name, sizeof *name, "latent_memory_%d", d + 1);
    to = add(to, *name, true);
  }
  memcpy(to, world->observation + known, FEED_MAX_HISTORY * sizeof *to);
}

void prl_kuairand_reveal(const kr_world *world, const kr_user *user, float *out) {
  const size_t who = (size_t)user->known.user, factors = (size_t)(KR_HEADS * world->factors);
  out = prl_feed_mind(out, &user->known.visit, &user->latent.mind, user->latent.boredom);
  out = feed_put(out, world->response.user_row + who * KR_ROW, KR_ROW);
  out = feed_put(out, world->response.user + who * factors, KR_HEADS * world->factors);
  feed_put(out, user->known.memory, world->factors);
}
