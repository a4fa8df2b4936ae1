/* Rows of a replay memory by priority: how often each is drawn, what its weight is, whose priority changes,
 * and what stays of it when places are taken again and when the memory is read from a file. */
#include "support/runtime.h"

#include <math.h>

#include "rl/replay.h"

enum { PLACES = 12, DRAWN = 8 };

static prl_error error;
static const prl_experience_options shape = {
    .observations = 1, .actions = 1, .responses = 1, .streams = 2, .kept = true};

/* The experience whose only place gave all decisions. */
static prl_row place = {.generation = 1u << 30};
static const prl_experience whole = {.n = {.fresh = 1}, .rows = &place};
static uint64_t next_decision(void) {
  static uint64_t generation;
  return ++generation << 32 | 1;
}

static prl_replay *memory_of(double exponent) {
  prl_replay *memory;
  CHECK_OK(prl_replay_new(runtime, &shape, PLACES, &memory, &error));
  CHECK_OK(prl_replay_rank(memory, exponent, &error));
  return memory;
}

/* Terminated episodes of one step each, so that a row takes one place; their observations count on. */
static void add_rows(prl_replay *memory, int rows) {
  static float counter;
  prl_batch batch;
  CHECK_OK(prl_batch_init(&batch, runtime, rows, &shape, &error));
  batch.rows = rows;
  for (int i = 0; i < rows; i++) {
    batch.observation[i] = counter++;
    batch.action[i] = batch.log_prob[i] = batch.response[i] = batch.elapsed[i] = 0;
    batch.successor[i] = -1;
    batch.stream[i] = 0;
    batch.step[i] = 0;
    batch.end[i] = PRL_END_TERMINATED;
    batch.decision[i] = next_decision();
    memset(batch.present + 4 * i, 0, 4);
  }
  prl_replay_add(memory, &batch);
  prl_batch_deinit(&batch, runtime);
}

typedef struct drawn {
  prl_batch batch;
  prl_stretch stretch;
  float response[DRAWN], elapsed[DRAWN], weight[DRAWN];
  int32_t length[DRAWN], place[DRAWN];
} drawn;

static void draw(prl_replay *memory, double correction, drawn *d) {
  d->stretch = (prl_stretch){1, d->response, d->elapsed, d->length, d->place};
  prl_replay_draw_ranked(memory, 3, DRAWN, correction, &d->batch, &d->stretch, d->weight);
}

static void batch_begin(drawn *d) { CHECK_OK(prl_batch_init(&d->batch, runtime, DRAWN, &shape, &error)); }

/* P(i) = p^α / Σ p^α with p = |value| + 1e-6, by χ² over 7 rows; a draw takes one row of each eighth of the
 * sum, which lowers χ² and does not move its mean. */
static void rows_are_drawn_by_priority(void **state) {
  (void)state;
  enum { TURNS = 2000 };
  static const double value[] = {0, .5, -1, 2, -4, 8, 3};
  prl_replay *memory = memory_of(.6);
  drawn d;
  double share[7], sum = 0, chi_square = 0;
  int64_t count[7] = {0};
  batch_begin(&d);
  add_rows(memory, 7);
  for (int i = 0; i < 7; i++) {
    prl_replay_prioritise(memory, i, value[i]);
    sum += share[i] = pow(fabs(value[i]) + 1e-6, .6);
  }
  for (int turn = 0; turn < TURNS; turn++) {
    draw(memory, 1, &d);
    for (int k = 0; k < DRAWN; k++) count[d.place[k]]++;
  }
  for (int i = 0; i < 7; i++) {
    const double expected = TURNS * DRAWN * share[i] / sum;
    chi_square += pow((double)count[i] - expected, 2) / expected;
  }
  assert_true(chi_square < 22.46); /* 6 degrees of freedom, 99.9 % */
  prl_batch_deinit(&d.batch, runtime);
  prl_replay_free(memory);
}

/* (N P)^−β over the greatest of the batch, from the definition. */
static void weights_correct_for_it(void **state) {
  (void)state;
  static const double corrections[] = {0, .4, 1};
  prl_replay *memory = memory_of(1);
  drawn d;
  batch_begin(&d);
  add_rows(memory, 5);
  double sum = 0;
  for (int i = 0; i < 5; i++) {
    prl_replay_prioritise(memory, i, 1 + i);
    sum += 1 + i + 1e-6;
  }
  for (size_t c = 0; c < sizeof corrections / sizeof *corrections; c++) {
    draw(memory, corrections[c], &d);
    double weight[DRAWN], greatest = 0;
    for (int k = 0; k < DRAWN; k++) {
      weight[k] = pow(5 * (1 + d.place[k] + 1e-6) / sum, -corrections[c]);
      greatest = fmax(greatest, weight[k]);
      assert_true(d.batch.observation[k] == memory->observation[d.place[k]]);
    }
    for (int k = 0; k < DRAWN; k++) assert_true(fabs((double)d.weight[k] - weight[k] / greatest) < 1e-6);
    assert_int_equal(memory->n.draws, c + 1);
  }
  prl_batch_deinit(&d.batch, runtime);
  prl_replay_free(memory);
}

/* A new row has the greatest priority so far (1 at first), also where it takes an old row's place; a row that
 * was overwritten does not give its priority to the new one, nor take the others'. */
static void new_rows_come_soon(void **state) {
  (void)state;
  prl_replay *memory = memory_of(.5);
  const double *weight = prl_sum_tree_weights(&memory->priority);
  add_rows(memory, 10);
  for (int i = 0; i < 10; i++) assert_true(weight[i] == 1);
  for (int i = 0; i < 10; i++) prl_replay_prioritise(memory, i, i == 4 ? 9 : .25);
  const double greatest = pow(9 + 1e-6, .5), small = pow(.25 + 1e-6, .5);
  prl_replay_prioritise(memory, 4, .25); /* what was the greatest stays so */
  add_rows(memory, 5);                   /* places 10, 11, 0, 1, 2 */
  for (int i = 0; i < PLACES; i++) assert_true(weight[i] == (i < 3 || i >= 10 ? greatest : small));
  assert_true(fabs(prl_sum_tree_total(&memory->priority) - (5 * greatest + 7 * small)) < 1e-12);
  prl_replay_free(memory);
}

/* A truncated row's final observation takes a place and is never drawn; a place of one may become a row's. */
static void ghosts_have_none(void **state) {
  (void)state;
  prl_replay *memory = memory_of(1);
  const double *weight = prl_sum_tree_weights(&memory->priority);
  prl_batch batch;
  CHECK_OK(prl_batch_init(&batch, runtime, 2, &shape, &error));
  drawn d;
  batch_begin(&d);
  for (int turn = 0; turn < 14;
       turn++) { /* two rows and a final observation each: rows' places are taken by both */
    if (turn % 3 == 0) add_rows(memory, 1);
    batch.rows = 2, batch.bootstraps = 1, batch.observed = 3;
    for (int i = 0; i < 3; i++) batch.observation[i] = (float)(10 * turn + i);
    for (int i = 0; i < 2; i++) {
      batch.action[i] = batch.log_prob[i] = batch.response[i] = batch.elapsed[i] = 0;
      batch.successor[i] = i + 1;
      batch.stream[i] = turn % 2;
      batch.step[i] = (uint32_t)i;
      batch.end[i] = i ? PRL_END_TRUNCATED : PRL_END_NONE;
      batch.decision[i] = next_decision();
      memset(batch.present + 4 * i, 0, 4);
    }
    batch.decision[2] = 0; /* none will come */
    prl_replay_add(memory, &batch);
    int rows = 0;
    for (int i = 0; i < memory->n.filled; i++) {
      assert_true((weight[i] > 0) == ((memory->kind[i] & 255) == PRL_ROW_REAL));
      rows += weight[i] > 0;
    }
    assert_int_equal(rows, memory->n.rows);
    draw(memory, 1, &d);
    for (int k = 0; k < DRAWN; k++) assert_int_equal(memory->kind[d.place[k]] & 255, PRL_ROW_REAL);
  }
  prl_batch_deinit(&d.batch, runtime);
  prl_batch_deinit(&batch, runtime);
  prl_replay_free(memory);
}

static prl_block *block_named(prl_blocks *blocks, const char *name) {
  for (int i = 0; i < blocks->count; i++)
    if (!strcmp(blocks->items[i].name, name)) return &blocks->items[i];
  fail_msg("there is no block %s", name);
  return NULL;
}

/* What the blocks hold makes the same memory, byte for byte, sums too; priorities that cannot be are refused.
 */
static void it_comes_back_from_its_blocks(void **state) {
  (void)state;
  prl_replay *memory = memory_of(.7), *again = memory_of(.7);
  prl_blocks from, to;
  add_rows(memory, 9);
  for (int i = 0; i < 9; i += 2) prl_replay_prioritise(memory, i, exp(sin(i)));
  prl_blocks_init(&from, runtime), prl_blocks_init(&to, runtime);
  CHECK_OK(prl_replay_blocks(memory, &from, &error));
  CHECK_OK(prl_replay_blocks(again, &to, &error));
  for (int i = 0; i < from.count; i++)
    memcpy(to.items[i].data, from.items[i].data,
           (size_t)(prl_block_count(&from.items[i]) * prl_dtype_size(from.items[i].dtype)));
  assert_true(prl_replay_restore(again, &whole));
  assert_memory_equal(again->priority.node, memory->priority.node, 2 * PLACES * sizeof(double));
  add_rows(memory, 5), add_rows(again, 5);
  assert_memory_equal(again->priority.node, memory->priority.node, 2 * PLACES * sizeof(double));
  double *priority = block_named(&to, "memory.priority")->data;
  double *greatest = block_named(&to, "memory.greatest")->data;
  static const double wrong[] = {0, -1, NAN, INFINITY, 1e9};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const double kept = priority[3];
    priority[3] = wrong[i];
    assert_false(prl_replay_restore(again, &whole));
    priority[3] = kept;
    assert_true(prl_replay_restore(again, &whole));
  }
  *greatest = NAN;
  assert_false(prl_replay_restore(again, &whole));
  prl_blocks_deinit(&from), prl_blocks_deinit(&to);
  prl_replay_free(memory), prl_replay_free(again);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(rows_are_drawn_by_priority),
                                     cmocka_unit_test(weights_correct_for_it),
                                     cmocka_unit_test(new_rows_come_soon), cmocka_unit_test(ghosts_have_none),
                                     cmocka_unit_test(it_comes_back_from_its_blocks)};
  return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
