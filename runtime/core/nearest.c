/* Finds the name that is the fewest edits away from a word. */
#include "core/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LONGEST 63

prl_nearest prl_nearest_begin(const char *name) { return (prl_nearest){.name = name}; }

static int smaller(int a, int b) { return a < b ? a : b; }

static int lower(const char *text, int index) { return tolower((unsigned char)text[index]); }

static int edit_distance(const char *a, const char *b) {
  int rows = (int)strnlen(a, LONGEST), columns = (int)strnlen(b, LONGEST);
  int lines[3][LONGEST + 1]; /* three rows of the table, in turn */
  for (int j = 0; j <= columns; j++) lines[0][j] = j;
  for (int i = 1; i <= rows; i++) {
    int *line = lines[i % 3], *above = lines[(i + 2) % 3], *two_above = lines[(i + 1) % 3];
    line[0] = i;
    for (int j = 1; j <= columns; j++) {
      int same = lower(a, i - 1) == lower(b, j - 1);
      int best = smaller(smaller(above[j] + 1, line[j - 1] + 1), above[j - 1] + !same);
      if (i > 1 && j > 1 && lower(a, i - 1) == lower(b, j - 2) && lower(a, i - 2) == lower(b, j - 1))
        best = smaller(best, two_above[j - 2] + 1);
      line[j] = best;
    }
  }
  return lines[rows % 3][columns];
}

/* "min" of "minute": three letters or more that it begins with. */
static bool shortens(const char *name, int letters, const char *candidate) {
  for (int i = 0; i < letters; i++)
    if (lower(name, i) != lower(candidate, i)) return false;
  return letters >= 3 && candidate[letters];
}

/* Adds a name to those that the hint lists; where they would be cut, none are listed. */
static void list(prl_nearest *nearest, const char *candidate) {
  const size_t used = strlen(nearest->few), room = sizeof nearest->few - used;
  if (nearest->count++ >= PRL_NEAREST_FEW) return;
  int length = snprintf(nearest->few + used, room, nearest->count > 1 ? ", %s" : "%s", candidate);
  if (length < 0 || (size_t)length >= room) nearest->count = PRL_NEAREST_FEW + 1;
}

void prl_nearest_offer(prl_nearest *nearest, const char *candidate) {
  list(nearest, candidate);
  const int letters = (int)strnlen(nearest->name, LONGEST);
  const int distance =
      shortens(nearest->name, letters, candidate) ? 1 : edit_distance(nearest->name, candidate);
  if (distance > letters / 2 + 1) return;
  if (nearest->best && distance >= nearest->distance) return;
  nearest->best = candidate;
  nearest->distance = distance;
}

const char *prl_nearest_hint(prl_nearest *nearest) {
  nearest->hint[0] = 0;
  if (nearest->best)
    snprintf(nearest->hint, sizeof nearest->hint, "; the nearest is \"%.64s\"", nearest->best);
  else if (nearest->count > 0 && nearest->count <= PRL_NEAREST_FEW)
    snprintf(nearest->hint, sizeof nearest->hint, "; there %s %.*s", nearest->count == 1 ? "is only" : "are",
             PRL_NEAREST_HINT - 20, nearest->few);
  return nearest->hint;
}
