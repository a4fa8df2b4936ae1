/* A sum tree: draws in proportion to weights. */
#include "rl/sum_tree.h"

/* A single leaf is a tree of its own: node 1, which is then the root. */
static prl_piece nodes_of(prl_sum_tree *tree) {
  return (prl_piece){&tree->node, prl_bytes_times(2, tree->leaves), sizeof *tree->node, true};
}

int64_t prl_sum_tree_bytes(int64_t leaves) {
  prl_sum_tree tree = {.leaves = leaves};
  const prl_piece nodes = nodes_of(&tree);
  return prl_pieces_bytes(&nodes, 1);
}

prl_status prl_sum_tree_init(prl_sum_tree *tree, prl_runtime *runtime, int64_t leaves, prl_error *error) {
  *tree = (prl_sum_tree){.leaves = leaves};
  const prl_piece nodes = nodes_of(tree);
  return prl_pieces_new(runtime, &nodes, 1, error);
}

void prl_sum_tree_deinit(prl_sum_tree *tree, prl_runtime *runtime) {
  prl_free(runtime, tree->node);
  *tree = (prl_sum_tree){0};
}

void prl_sum_tree_build(prl_sum_tree *tree) {
  for (int64_t i = tree->leaves - 1; i > 0; i--) tree->node[i] = tree->node[2 * i] + tree->node[2 * i + 1];
}

void prl_sum_tree_set(prl_sum_tree *tree, int64_t leaf, double weight) {
  double *node = tree->node;
  int64_t at = tree->leaves + leaf;
  node[at] = weight;
  for (at /= 2; at > 0; at /= 2) node[at] = node[2 * at] + node[2 * at + 1];
}

/* Where rounding puts the point behind the last weight of a node, that weight is meant: hence the second
 * condition. */
int64_t prl_sum_tree_find(const prl_sum_tree *tree, double point) {
  const double *node = tree->node;
  int64_t at = 1;
  while (at < tree->leaves) {
    at *= 2;
    if (point < node[at] || !(node[at + 1] > 0)) continue;
    point -= node[at++];
  }
  return at - tree->leaves;
}
