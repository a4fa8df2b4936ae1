/* perilune_bench [name …]: the rows of `perilune bench` that need no Lua, one JSON object a line. */
#include <stdio.h>
#include <string.h>

#include "bench/rows.h"

int main(int argc, char **argv) {
  if (!prl_kernels_find("avx2")) {
    fputs("perilune_bench: the yardsticks need a processor with AVX2 and FMA\n", stderr);
    return 1;
  }
  for (int i = 1; i < argc; i++) {
    bool known = false;
    for (const bench_row *row = bench_rows; row->name; row++)
      known = known || strcmp(argv[i], row->name) == 0;
    if (known) continue;
    fprintf(stderr, "perilune_bench: there is no row \"%s\"; there are", argv[i]);
    for (const bench_row *row = bench_rows; row->name; row++) fprintf(stderr, " %s", row->name);
    fputc('\n', stderr);
    return 2;
  }
  for (const bench_row *row = bench_rows; row->name; row++) {
    bool wanted = argc < 2;
    for (int i = 1; i < argc; i++) wanted = wanted || strcmp(argv[i], row->name) == 0;
    if (wanted && !row->run()) {
      fprintf(stderr, "perilune_bench: %s could not run\n", row->name);
      return 1;
    }
  }
  return 0;
}
