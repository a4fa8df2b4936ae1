#include "bench/rows.h"

#include <stdio.h>

#include "bench/bench.h"
#include "bench/product.h"
#include "bench/yardstick.h"

enum { REPETITIONS = 21 };

/* n × n matrices in the three forms of a layer, beside the faster of OpenBLAS and libxsmm. */
static bool gemm_case(const char *row, int64_t n, yardstick_form form) {
  static const char *const forms[] = {"a b", "a bT", "aT b"};
  char label[128];
  yardstick_gemm *g = yardstick_gemm_new(n, form);
  if (!g) return false;
  bench_result r = bench_pair(yardstick_gemm_own, g, yardstick_gemm_best, g, REPETITIONS);
  snprintf(label, sizeof label, "%s beside %s", forms[form], yardstick_way(g->best));
  bench_print(row, label, r.product_ns / 1e3, "us", r.ratio);
  snprintf(label, sizeof label, "%s, share of the peak of %s", forms[form], yardstick_table());
  double size = (double)n;
  bench_print(row, label, 2 * size * size * size / r.product_ns / yardstick_peak(), "", 0);
  yardstick_gemm_free(g);
  return true;
}

static bool gemm_row(const char *row, int64_t n) {
  return gemm_case(row, n, YARDSTICK_FORWARD) && gemm_case(row, n, YARDSTICK_GX) &&
         gemm_case(row, n, YARDSTICK_GW);
}

static bool gemm_16(void) { return gemm_row("gemm_16", 16); }
static bool gemm_32(void) { return gemm_row("gemm_32", 32); }
static bool gemm_64(void) { return gemm_row("gemm_64", 64); }
static bool gemm_128(void) { return gemm_row("gemm_128", 128); }
static bool gemm_256(void) { return gemm_row("gemm_256", 256); }
static bool gemm_512(void) { return gemm_row("gemm_512", 512); }
static bool gemm_1024(void) { return gemm_row("gemm_1024", 1024); }
static bool gemm_2048(void) { return gemm_row("gemm_2048", 2048); }

static bool peak_row(void) {
  bench_print("peak", yardstick_table(), yardstick_peak(), "GFLOP/s", 0);
  return true;
}

static void print_ways(const yardstick_net *net, int64_t width) {
  char label[160];
  snprintf(label, sizeof label, "b%ld w%ld ways: forward %s %s %s gx %s %s gw %s %s %s", (long)net->batch,
           (long)width, yardstick_way(net->forward[0]), yardstick_way(net->forward[1]),
           yardstick_way(net->forward[2]), yardstick_way(net->gx[1]), yardstick_way(net->gx[2]),
           yardstick_way(net->gw_way[0]), yardstick_way(net->gw_way[1]), yardstick_way(net->gw_way[2]));
  bench_print("train_step", label, bench_alone(yardstick_train, (void *)net, 9) / 1e3, "us", 0);
}

static bool train_case(int64_t batch, int64_t width) {
  const int64_t sizes[] = {32, width, width, 8};
  char label[64];
  yardstick_net *net = yardstick_net_new(batch, sizes);
  product_net *program = product_net_new(batch, sizes, true), *eager = product_net_new(batch, sizes, true);
  bool made = net && program && eager;
  if (made) {
    yardstick_net_tune(net);
    print_ways(net, width);
    bench_result r = bench_pair(product_run, program, yardstick_train, net, REPETITIONS);
    snprintf(label, sizeof label, "program b%ld w%ld", (long)batch, (long)width);
    bench_print("train_step", label, r.product_ns / 1e3, "us", r.ratio);
    r = bench_pair(product_eager, eager, yardstick_train, net, REPETITIONS);
    snprintf(label, sizeof label, "eager (C tape) b%ld w%ld", (long)batch, (long)width);
    bench_print("train_step", label, r.product_ns / 1e3, "us", r.ratio);
    made = !program->failed && !eager->failed;
  }
  yardstick_net_free(net), product_net_free(program), product_net_free(eager);
  return made;
}

static bool train_row(void) {
  return train_case(64, 64) && train_case(256, 64) && train_case(1024, 64) && train_case(64, 256) &&
         train_case(256, 256) && train_case(1024, 256);
}

static bool train_rows_case(int64_t width) {
  const int64_t few = 1024, many = 32768, sizes[] = {32, width, width, 8};
  char label[64];
  product_net *small = product_net_new(few, sizes, true), *large = product_net_new(many, sizes, true);
  bool made = small && large;
  if (made) {
    bench_result r = bench_pair(product_run, large, product_run, small, REPETITIONS);
    snprintf(label, sizeof label, "minibatch %ld over %ld w%ld", (long)many, (long)few, (long)width);
    bench_print("train_rows", label, (double)many * 1e9 / r.product_ns, "rows/s",
                (double)many / (double)few / r.ratio);
    made = !small->failed && !large->failed;
  }
  product_net_free(small), product_net_free(large);
  return made;
}

/* Rows a second of a step over a batch that fits no cache, beside one that does. */
static bool train_rows_row(void) { return train_rows_case(64) && train_rows_case(256); }

static bool train_blas_row(void) {
  const int64_t sizes[] = {4, 64, 64, 2};
  char label[64];
  yardstick_net *net = yardstick_net_new(64, sizes);
  product_net *program = product_net_new(64, sizes, true);
  bool made = net && program;
  if (made) {
    bench_result r = bench_pair(product_run, program, yardstick_train_blas, net, REPETITIONS);
    snprintf(label, sizeof label, "program b64 beside OpenBLAS and %s", yardstick_tanh_name());
    bench_print("train_step_blas", label, r.product_ns / 1e3, "us", r.ratio);
    made = !program->failed;
  }
  yardstick_net_free(net), product_net_free(program);
  return made;
}

static bool infer_row(void) {
  const int64_t sizes[] = {4, 64, 64, 2};
  yardstick_policy *policy = yardstick_policy_new();
  product_net *program = product_net_new(1, sizes, false);
  bool made = policy && program;
  if (made) {
    bench_result r = bench_pair(product_run, program, yardstick_infer, policy, REPETITIONS);
    bench_print("infer_c", "fused C function 4-64-64-2", r.yardstick_ns, "ns", 0);
    bench_print("infer_c", "program 4-64-64-2 b1", r.product_ns, "ns", r.ratio);
    made = !program->failed;
  }
  yardstick_policy_free(policy), product_net_free(program);
  return made;
}

const bench_row bench_rows[] = {{"peak", peak_row},
                                {"gemm_16", gemm_16},
                                {"gemm_32", gemm_32},
                                {"gemm_64", gemm_64},
                                {"gemm_128", gemm_128},
                                {"gemm_256", gemm_256},
                                {"gemm_512", gemm_512},
                                {"gemm_1024", gemm_1024},
                                {"gemm_2048", gemm_2048},
                                {"train_step", train_row},
                                {"train_rows", train_rows_row},
                                {"train_step_blas", train_blas_row},
                                {"infer_c", infer_row},
                                {"env_cartpole", bench_env_cartpole},
                                {"env_pendulum", bench_env_pendulum},
                                {"shortvideo_env", bench_shortvideo_env},
                                {"kuairand_env", bench_kuairand_env},
                                {"memory", bench_memory},
                                {"act", bench_act},
                                {"act_apart", bench_act_apart},
                                {"swap", bench_swap},
                                {"control_group", bench_control_group},
                                {"checkpoint", bench_checkpoint},
                                {NULL, NULL}};
