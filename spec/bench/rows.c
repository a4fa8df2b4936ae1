#include "bench/rows.h"

#include <cblas.h>
#include <stdio.h>

#include "bench/bench.h"
#include "bench/product.h"
#include "bench/yardstick.h"

enum { REPETITIONS = 21 };

char *openblas_get_corename(void);

static bool gemm_row(void) {
  char label[64];
  yardstick_gemm *g = yardstick_gemm_new(64);
  if (!g) return false;
  bench_result r = bench_pair(yardstick_gemm_own, g, yardstick_gemm_blas, g, REPETITIONS);
  snprintf(label, sizeof label, "own beside OpenBLAS %s", openblas_get_corename());
  bench_print("gemm_64", label, r.product_ns / 1e3, "us", r.ratio);
  yardstick_gemm_free(g);
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

const bench_row bench_rows[] = {{"gemm_64", gemm_row},
                                {"train_step", train_row},
                                {"train_step_blas", train_blas_row},
                                {"infer_c", infer_row},
                                {"env_cartpole", bench_env_cartpole},
                                {"env_pendulum", bench_env_pendulum},
                                {"shortvideo_env", bench_shortvideo_env},
                                {"kuairand_env", bench_kuairand_env},
                                {NULL, NULL}};
