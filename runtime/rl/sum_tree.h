/* A sum tree: weights, each drawn with its share of their sum (Schaul et al. 2016, "Prioritized experience
 * replay", appendix B.2.1). A node is the sum of its two children, made anew whenever one of them changes, so
 * that it follows from the weights alone, whatever order they came in. Setting a weight and finding one take
 * as many steps as the tree is deep; after prl_sum_tree_new nothing allocates. */
#ifndef PRL_RL_SUM_TREE_H
#define PRL_RL_SUM_TREE_H

#include "core/pieces.h"

typedef struct prl_sum_tree {
  int64_t leaves;
  double *node; /* (2 × leaves): node 1 is the root, node i the sum of nodes 2i and 2i + 1, weight i stands in
                   node leaves + i; node 0 is not used */
} prl_sum_tree;

int64_t prl_sum_tree_bytes(int64_t leaves); /* what it allocates */
/* All weights are 0. Fails: PRL_ENOMEM. */
prl_status prl_sum_tree_init(prl_sum_tree *tree, prl_runtime *runtime, int64_t leaves, prl_error *error);
void prl_sum_tree_deinit(prl_sum_tree *tree, prl_runtime *runtime);

/* The weights, to be read and saved; after they were written: prl_sum_tree_build. */
static inline double *prl_sum_tree_weights(const prl_sum_tree *tree) { return tree->node + tree->leaves; }
static inline double prl_sum_tree_total(const prl_sum_tree *tree) { return tree->node[1]; }
/* The sums, from the weights. */
void prl_sum_tree_build(prl_sum_tree *tree);
/* weight: finite, ≥ 0. */
void prl_sum_tree_set(prl_sum_tree *tree, int64_t leaf, double weight);
/* The leaf in whose part of [0, total) the point lies; never one of weight 0. Some weight is above 0. */
int64_t prl_sum_tree_find(const prl_sum_tree *tree, double point);

#endif
