/* The nearest valid name, for messages about unknown ones. Candidates are offered one by one, from any
 * container:
 *
 *     prl_nearest nearest = prl_nearest_begin(name);
 *     for (…) prl_nearest_offer(&nearest, candidate);
 *     return prl_fail(error, PRL_ENAME, "there is no column \"%s\"%s", name, prl_nearest_hint(&nearest));
 */
#ifndef PRL_CORE_NEAREST_H
#define PRL_CORE_NEAREST_H

enum { PRL_NEAREST_FEW = 6, PRL_NEAREST_HINT = 160 };

typedef struct prl_nearest {
  const char *name;
  const char *best; /* borrowed; NULL: none is near */
  int distance, count;
  char hint[PRL_NEAREST_HINT];
  char few[PRL_NEAREST_HINT]; /* the first names that were offered */
} prl_nearest;

prl_nearest prl_nearest_begin(const char *name);
/* Edit distance in which an exchange of two neighbours counts once (optimal string alignment), cases alike;
 * names beyond 63 bytes are compared by their first 63. A candidate that begins with the word, of three
 * letters or more, is one edit away. */
void prl_nearest_offer(prl_nearest *nearest, const char *candidate);
/* "; the nearest is \"gamma\""; where none is closer than half of the name's letters, plus one, all
 * names, if they are few and short: "; there are a, b, c"; else "". */
const char *prl_nearest_hint(prl_nearest *nearest);

#endif
