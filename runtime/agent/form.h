/* The form of what acts: all that programs need to be made for acting, without a number that learning moves.
 * Two agents of equal forms, as before and after a swap that changes the objective alone, act by the same
 * programs. */
#ifndef PRL_AGENT_FORM_H
#define PRL_AGENT_FORM_H

#include "agent/agent.h"

enum { PRL_FORM_SIDES = 2 }; /* the policy that learns, and that of the control group */

typedef struct prl_form {
  prl_runtime *runtime;
  prl_doc *document; /* {own = {the keys of a plan that acting reads}, control = the same, where there is one,
                      * buckets, salt} */
  char hash[33];     /* of the document */
  int64_t users;     /* of its owner's making (snapshot.c) */
} prl_form;

/* The keys of `root` that acting reads, into the map *to, but for those whose numbers learning moves:
 * capacity, live, arms. False: there is no memory. */
bool prl_form_write(prl_doc *doc, prl_value *to, const prl_value *root, const prl_policy *policy);
/* Fails: PRL_ENOMEM. */
prl_status prl_form_new(const prl_agent *agent, prl_form **out, prl_error *error);
void prl_form_free(prl_form *form);

#endif
