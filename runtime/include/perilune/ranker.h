/* perilune/ranker.h: serves a ranker that `perilune fit` trained. No Lua runs, and nothing is allocated after
 * the load.
 *
 *     prl_ranker_load(runtime, "ranker.safetensors", 256, &ranker, &error);
 *     ids[row * C + c] = prl_ranker_id(ranker, c, "1234");      // for each category c of each candidate
 *     prl_ranker_score(ranker, ids, numbers, sequences, n, scores, &error);
 *
 * The ranker itself lists its categories, numbers and sequences, in order. Numbers are given raw, as the
 * recipe defines them (rates and counts are what the server has seen so far); the ranker scales them. */
#ifndef PERILUNE_RANKER_H
#define PERILUNE_RANKER_H

#include "perilune/core.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct prl_ranker prl_ranker;

/* Loads a ranker from the file at `path`, which is not read again. max_rows: candidates that are computed at
 * once (a call may have more). Fails: PRL_EIO, PRL_EFORMAT (not a ranker, or malformed; its digest is missing
 * or does not match), PRL_EINVAL (max_rows below 1 or above 2^20), PRL_ENOMEM, PRL_ELIMIT (above the
 * runtime's budget). */
PRL_API prl_status prl_ranker_load(prl_runtime *runtime, const char *path, int64_t max_rows, prl_ranker **out,
                                   prl_error *error);
PRL_API void prl_ranker_free(prl_ranker *ranker); /* NULL is allowed */

/* Names by index, from 0; NULL beyond the last. Borrowed: valid until the ranker is freed. */
PRL_API const char *prl_ranker_category(const prl_ranker *ranker, int index);
PRL_API const char *prl_ranker_number(const prl_ranker *ranker, int index);
PRL_API const char *prl_ranker_sequence(const prl_ranker *ranker, int index);
PRL_API const char *prl_ranker_head(const prl_ranker *ranker, int index);
/* How many categories, numbers and heads there are. */
PRL_API int prl_ranker_categories(const prl_ranker *ranker);
PRL_API int prl_ranker_numbers(const prl_ranker *ranker);
PRL_API int prl_ranker_heads(const prl_ranker *ranker);
/* The items of all sequences together. A row of `sequences` holds one sequence after the other, each with its
 * newest item first and padded with zeros. */
PRL_API int prl_ranker_items(const prl_ranker *ranker);
/* The length of a sequence; 0: there is no such sequence. */
PRL_API int prl_ranker_sequence_length(const prl_ranker *ranker, int index);
/* The category whose ids a sequence holds; −1: there is no such sequence. */
PRL_API int prl_ranker_sequence_category(const prl_ranker *ranker, int index);

/* The id of a text in a category. All texts that were rare or absent in training share one id. −1: there is
 * no such category. */
PRL_API int32_t prl_ranker_id(const prl_ranker *ranker, int category, const char *text);

/* ids (n, categories), numbers (n, numbers), sequences (n, items) → scores (n, heads): probabilities of
 * logistic heads; the other heads are in the unit that they were trained in. ids, numbers or sequences may be
 * NULL where the ranker has none. Fails: PRL_EINVAL (an id out of range: row and category; n below 0 or above
 * 2^28), PRL_ENUMERIC (a number that is not finite: row and name). */
PRL_API prl_status prl_ranker_score(prl_ranker *ranker, const int32_t *ids, const float *numbers,
                                    const int32_t *sequences, int64_t n, float *scores, prl_error *error);

#ifdef __cplusplus
}
#endif
#endif
