/* Sorts slots by their streams' keys, and finds the k-th smallest number, in place. */
#include "rl/sort.h"

static void sift(int32_t *slots, int64_t root, int64_t count, const prl_stream *streams) {
  int32_t moved = slots[root];
  uint64_t key = streams[moved].key;
  for (int64_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
    if (child + 1 < count && streams[slots[child + 1]].key > streams[slots[child]].key) child++;
    if (streams[slots[child]].key <= key) break;
    slots[root] = slots[child];
    root = child;
  }
  slots[root] = moved;
}

void prl_sort_slots(int32_t *slots, int64_t count, const prl_stream *streams) {
  bool sorted = true; /* the usual case: a vector env's streams came in order */
  for (int64_t i = 1; sorted && i < count; i++) sorted = streams[slots[i - 1]].key < streams[slots[i]].key;
  if (sorted) return;
  for (int64_t root = count / 2 - 1; root >= 0; root--) sift(slots, root, count, streams);
  for (int64_t end = count - 1; end > 0; end--) {
    int32_t greatest = slots[0];
    slots[0] = slots[end];
    slots[end] = greatest;
    sift(slots, 0, end, streams);
  }
}

int64_t prl_select(int64_t *values, int64_t count, int64_t rank) {
  int64_t low = 0, high = count - 1;
  while (low < high) {
    int64_t pivot = values[low + (high - low) / 2], i = low, j = high;
    while (i <= j) { /* Hoare's partition */
      while (values[i] < pivot) i++;
      while (values[j] > pivot) j--;
      if (i > j) break;
      int64_t swapped = values[i];
      values[i++] = values[j];
      values[j--] = swapped;
    }
    if (rank <= j)
      high = j;
    else if (rank >= i)
      low = i;
    else
      break;
  }
  return values[rank];
}
