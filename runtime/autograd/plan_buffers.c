/* Gives each buffer the lowest place at which nothing else is alive. */
#include "autograd/plan_buffers.h"

static size_t rounded(size_t size) { return (size + 63) & ~(size_t)63; }

/* The lowest offset at which `one` meets no placed buffer that lives at the same time. Moving past one
 * conflict may meet another below, so the search starts again until nothing moves. */
static size_t lowest_offset(const prl_buffer *buffers, const int32_t *placed, int32_t placed_count,
                            const prl_buffer *one) {
  size_t offset = 0;
  for (bool moved = true; moved;) {
    moved = false;
    for (int32_t i = 0; i < placed_count; i++) {
      const prl_buffer *other = &buffers[placed[i]];
      bool together = other->born <= one->dies && one->born <= other->dies;
      bool overlap =
          other->offset < offset + rounded(one->size) && offset < other->offset + rounded(other->size);
      if (together && overlap) {
        offset = other->offset + rounded(other->size);
        moved = true;
      }
    }
  }
  return offset;
}

prl_status prl_plan_buffers(prl_runtime *runtime, prl_buffer *buffers, int32_t count, size_t *total,
                            prl_error *error) {
  int32_t *placed = prl_alloc(runtime, ((size_t)count + 1) * sizeof *placed);
  if (!placed) return prl_fail_memory(error, ((size_t)count + 1) * sizeof *placed);
  int32_t placed_count = 0;
  size_t end = 0;
  for (int32_t time = -1;;) {
    int32_t next = INT32_MAX;
    for (int32_t i = 0; i < count; i++) {
      if (buffers[i].size && buffers[i].born == time) {
        buffers[i].offset = lowest_offset(buffers, placed, placed_count, &buffers[i]);
        placed[placed_count++] = i;
        if (buffers[i].offset + rounded(buffers[i].size) > end)
          end = buffers[i].offset + rounded(buffers[i].size);
      } else if (buffers[i].size && buffers[i].born > time && buffers[i].born < next) {
        next = buffers[i].born;
      }
    }
    if (next == INT32_MAX) break;
    time = next;
  }
  prl_free(runtime, placed);
  *total = end;
  return PRL_OK;
}
