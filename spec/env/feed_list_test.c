/* The greedy list of the feeds against a plain loop: the first of equals is chosen, wherever they stand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#pragma GCC diagnostic ignored "-Wpsabi" /* all of it is inline */

#include "env/feed/list.h"
#include "env/feed/table.h"

enum { DIMS = 4 };

static void plain(float *score, int n, float (*vector)[DIMS], float pull, int shown, int32_t *order) {
  for (int place = 0; place < shown; place++) {
    int pick = 0;
    for (int c = 1; c < n; c++)
      if (score[c] > score[pick]) pick = c;
    order[place] = pick;
    for (int c = 0; c < n; c++) {
      float likeness = vector[c][0] * vector[pick][0];
      for (int d = 1; d < DIMS; d++) likeness += vector[c][d] * vector[pick][d];
      score[c] -= pull * likeness;
    }
    score[pick] = -__builtin_inff();
  }
}

/* level: of how many values the scores and vectors are; one: all are equal. */
static void check(int n, int level, float pull, int shown) {
  float score[FEED_MAX_CANDIDATES], vector[FEED_MAX_CANDIDATES][DIMS];
  v8 lanes[FEED_MAX_CANDIDATES / 8], columns[FEED_MAX_CANDIDATES / 8][DIMS];
  int32_t got[FEED_MAX_CANDIDATES], wanted[FEED_MAX_CANDIDATES];
  uint32_t state = 7;
  for (int c = 0; c < n; c++) {
    state = state * 1664525 + 1013904223;
    score[c] = (float)(state >> 16) / 65536 * (float)level;
    score[c] = (float)(int)score[c] - 1;
    for (int d = 0; d < DIMS; d++) vector[c][d] = (float)((state >> (8 + d)) % (uint32_t)level);
    lanes[c / 8][c % 8] = score[c];
    for (int d = 0; d < DIMS; d++) columns[c / 8][d][c % 8] = vector[c][d];
  }
  feed_list(lanes, n, columns[0], DIMS, pull, shown, got);
  plain(score, n, vector, pull, shown, wanted);
  for (int i = 0; i < shown; i++) assert_int_equal(got[i], wanted[i]);
}

static void equals_go_in_order(void **state) {
  (void)state;
  for (int n = 8; n <= FEED_MAX_CANDIDATES; n += 8) check(n, 1, 0.25f, n);
}

static void as_a_plain_loop_chooses(void **state) {
  (void)state;
  for (int level = 2; level <= 4096; level *= 8)
    for (int n = 8; n <= FEED_MAX_CANDIDATES; n += 8) check(n, level, -0.25f, 8), check(n, level, 0.5f, n);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(equals_go_in_order),
                                     cmocka_unit_test(as_a_plain_loop_chooses)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
