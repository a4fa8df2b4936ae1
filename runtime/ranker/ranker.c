/* A saved ranker: safetensors with the plan as JSON beside (lua/perilune/fit/ranker.lua writes it). */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "perilune/ranker.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/read.h"
#include "autograd/program.h"
#include "core/arguments.h"
#include "io/safetensors.h"

/* One text of a category. */
typedef struct entry {
  const char *text; /* in the document; NULL: a free bucket */
  int32_t category, row;
} entry;

struct prl_ranker {
  prl_runtime *runtime;
  prl_safetensors *file;
  prl_doc *plan;
  prl_params *set;
  prl_program *program;
  prl_tensor *ids, *numbers, *sequences; /* of the program; NULL where it reads none */
  const prl_tensor *scores;
  const prl_value *categories, *number_names, *sequence_list, *heads;
  int categories_count, numbers_count, heads_count, items_count;
  int64_t max_rows, table_rows;
  entry *entries; /* an open hash table: a power of two of buckets */
  uint64_t buckets;
};

static uint64_t bucket_of(const prl_ranker *ranker, int category, const char *text) {
  return XXH3_64bits_withSeed(text, strlen(text), (XXH64_hash_t)category) & (ranker->buckets - 1);
}

static int32_t base_of(const prl_ranker *ranker, int category) {
  return (int32_t)prl_get_int(prl_item(ranker->categories, category), "base", 0);
}

int32_t prl_ranker_id(const prl_ranker *ranker, int category, const char *text) {
  if (!ranker || !text || category < 0 || category >= ranker->categories_count) return -1;
  uint64_t bucket = bucket_of(ranker, category, text);
  for (; ranker->entries[bucket].text; bucket = (bucket + 1) & (ranker->buckets - 1)) {
    const entry *e = &ranker->entries[bucket];
    if (e->category == category && strcmp(e->text, text) == 0) return e->row;
  }
  return base_of(ranker, category);
}

/* ---- loading ---- */

static prl_status read_category(prl_ranker *ranker, int category, prl_error *error) {
  const prl_value *map = prl_item(ranker->categories, category), *texts;
  int64_t base = 0;
  const char *name;
  prl_status status = prl_read_string(map, "categories", "name", &name, error);
  if (!status) status = prl_read_int(map, name, "base", true, 0, ranker->table_rows - 1, &base, error);
  if (!status) status = prl_read_value(map, name, "texts", PRL_ARRAY, &texts, error);
  if (status) return status;
  if (base + prl_count(texts) >= ranker->table_rows)
    return prl_fail(error, PRL_EFORMAT, "the category \"%.80s\" has more texts than the table has rows",
                    name);
  for (int64_t i = 0; i < prl_count(texts); i++) {
    const prl_value *text = prl_item(texts, i);
    if (text->kind != PRL_STRING)
      return prl_fail(error, PRL_EFORMAT, "text %lld of the category \"%.80s\" is no string",
                      (long long)i + 1, name);
    uint64_t bucket = bucket_of(ranker, category, text->as.text);
    while (ranker->entries[bucket].text) bucket = (bucket + 1) & (ranker->buckets - 1);
    ranker->entries[bucket] = (entry){text->as.text, category, (int32_t)(base + 1 + i)};
  }
  return PRL_OK;
}

static prl_status read_texts(prl_ranker *ranker, prl_error *error) {
  int64_t texts = 0;
  for (int c = 0; c < ranker->categories_count; c++)
    texts += prl_count(prl_get(prl_item(ranker->categories, c), "texts"));
  ranker->buckets = 16;
  while ((int64_t)ranker->buckets < 2 * texts) ranker->buckets *= 2;
  ranker->entries = prl_calloc(ranker->runtime, ranker->buckets, sizeof *ranker->entries);
  if (!ranker->entries) return prl_fail_memory(error, ranker->buckets * sizeof *ranker->entries);
  prl_status status = PRL_OK;
  for (int c = 0; !status && c < ranker->categories_count; c++) status = read_category(ranker, c, error);
  return status;
}

static prl_status read_sequences(prl_ranker *ranker, prl_error *error) {
  int64_t items = 0;
  for (int64_t i = 0; i < prl_count(ranker->sequence_list); i++) {
    const prl_value *map = prl_item(ranker->sequence_list, i);
    const char *name, *of;
    int64_t length = 0;
    prl_status status = prl_read_string(map, "sequences", "name", &name, error);
    if (!status) status = prl_read_string(map, name, "of", &of, error);
    if (!status) status = prl_read_int(map, name, "length", true, 1, 1000000, &length, error);
    if (status) return status;
    items += length;
  }
  if (items > 1000000) return prl_fail(error, PRL_EFORMAT, "the sequences hold %lld items", (long long)items);
  ranker->items_count = (int)items;
  return PRL_OK;
}

static prl_status read_names(const prl_value *list, const char *what, bool maps, prl_error *error) {
  for (int64_t i = 0; i < prl_count(list); i++) {
    const prl_value *item = prl_item(list, i);
    if (maps ? !prl_get_string(item, "name", NULL) : item->kind != PRL_STRING)
      return prl_fail(error, PRL_EFORMAT, "item %lld of %s has no name", (long long)i + 1, what);
  }
  return PRL_OK;
}

static prl_status read_plan(prl_ranker *ranker, prl_error *error) {
  const prl_value *root = &ranker->plan->root;
  int64_t format;
  const char *kind = prl_get_string(root, "kind", NULL);
  if (!kind || strcmp(kind, "ranker") != 0)
    return prl_fail(error, PRL_EFORMAT, "the file holds %s%.40s, and no ranker",
                    kind ? "a " : "something else", kind ? kind : "");
  prl_status status = prl_read_int(root, "", "format", true, 1, 1, &format, error);
  if (!status) status = prl_read_int(root, "", "table_rows", true, 1, INT32_MAX, &ranker->table_rows, error);
  if (!status) status = prl_read_value(root, "", "categories", PRL_ARRAY, &ranker->categories, error);
  if (!status) status = prl_read_value(root, "", "numbers", PRL_ARRAY, &ranker->number_names, error);
  if (!status) status = prl_read_value(root, "", "sequences", PRL_ARRAY, &ranker->sequence_list, error);
  if (!status) status = prl_read_value(root, "", "heads", PRL_ARRAY, &ranker->heads, error);
  if (!status) status = read_names(ranker->number_names, "numbers", false, error);
  if (!status) status = read_names(ranker->heads, "heads", true, error);
  if (status) return status;
  ranker->categories_count = (int)prl_count(ranker->categories);
  ranker->numbers_count = (int)prl_count(ranker->number_names);
  ranker->heads_count = (int)prl_count(ranker->heads);
  status = read_sequences(ranker, error);
  return status ? status : read_texts(ranker, error);
}

/* The parameters of the plan's one set, with the file's values. */
static prl_status read_set(prl_ranker *ranker, prl_error *error) {
  const prl_value *set = prl_item(prl_get(&ranker->plan->root, "sets"), 0), *params;
  const char *set_name, *name;
  prl_status status = prl_read_string(set, "sets", "name", &set_name, error);
  if (!status) status = prl_read_value(set, set_name, "params", PRL_ARRAY, &params, error);
  if (status) return status;
  int count = (int)prl_count(params), made = 0;
  prl_param **items = prl_calloc(ranker->runtime, (size_t)count + 1, sizeof *items);
  if (!items) return prl_fail_memory(error, (size_t)count * sizeof *items);
  for (; !status && made < count; made += !status) {
    char full[256];
    prl_tensor value = {0};
    status = prl_read_string(prl_item(params, made), set_name, "name", &name, error);
    if (status) break;
    snprintf(full, sizeof full, "%.100s:%.100s", set_name, name);
    status = prl_safetensors_tensor(ranker->file, full, &value, error);
    if (status) break;
    status = prl_param_new(ranker->runtime, name, &value,
                           prl_get_bool(prl_item(params, made), "row_sparse", false), &items[made], error);
    prl_tensor_release(&value);
  }
  if (!status) status = prl_params_new(ranker->runtime, set_name, items, count, &ranker->set, error);
  for (int i = 0; i < made; i++) prl_param_release(items[i]);
  prl_free(ranker->runtime, items);
  return status;
}

static prl_status check_input(const prl_ranker *ranker, const prl_tensor *tensor, const char *name,
                              prl_dtype dtype, int64_t width, prl_error *error) {
  char shape[96];
  if (!tensor && width == 0) return PRL_OK;
  if (tensor && tensor->ndim == 2 && tensor->dtype == dtype && tensor->shape[1] == width &&
      tensor->shape[0] == ranker->max_rows)
    return PRL_OK;
  return prl_fail(error, PRL_EFORMAT, "the ranker's program has %s of shape %s; (rows, %lld) is needed", name,
                  tensor ? prl_shape_text(tensor, shape, sizeof shape) : "none", (long long)width);
}

static prl_status build_program(prl_ranker *ranker, prl_error *error) {
  const prl_value *text = prl_path(&ranker->plan->root, "programs.score");
  if (!text) return prl_fail(error, PRL_EFORMAT, "the ranker has no program \"score\"");
  prl_graph *graph;
  prl_status status = prl_graph_read(ranker->runtime, text, &graph, error);
  if (status) return status;
  const prl_bindings bindings = {.sets = &ranker->set, .sets_count = 1};
  status = prl_program_new(graph, &bindings, ranker->max_rows, &ranker->program, error);
  if (status) return status;
  ranker->ids = prl_program_input(ranker->program, "ids");
  ranker->numbers = prl_program_input(ranker->program, "numbers");
  ranker->sequences = prl_program_input(ranker->program, "sequences");
  ranker->scores = prl_program_output(ranker->program, "scores");
  status = check_input(ranker, ranker->ids, "ids", PRL_I32, ranker->categories_count, error);
  if (!status)
    status = check_input(ranker, ranker->numbers, "numbers", PRL_F32, ranker->numbers_count, error);
  if (!status)
    status = check_input(ranker, ranker->sequences, "sequences", PRL_I32, ranker->items_count, error);
  if (!status) status = check_input(ranker, ranker->scores, "scores", PRL_F32, ranker->heads_count, error);
  return status;
}

static prl_status load(prl_ranker *ranker, const char *path, prl_error *error) {
  prl_status status = prl_safetensors_open(ranker->runtime, path, 0, &ranker->file, error);
  if (status) return status;
  const char *plan = prl_safetensors_text(ranker->file, "plan");
  if (!plan) return prl_fail(error, PRL_EFORMAT, "%s has no plan in its metadata: it is no ranker", path);
  status = prl_safetensors_need_digest(ranker->file, path, error);
  if (status) return status;
  prl_error inner;
  status = prl_json_parse(ranker->runtime, plan, strlen(plan), &ranker->plan, &inner);
  if (!status) status = read_plan(ranker, &inner);
  if (!status) status = read_set(ranker, &inner);
  if (!status) status = build_program(ranker, &inner);
  if (status)
    return prl_fail(error, status == PRL_ENOMEM || status == PRL_ELIMIT ? status : PRL_EFORMAT, "%s: %.380s",
                    path, inner.message);
  prl_safetensors_close(ranker->file); /* the values are in the set now */
  ranker->file = NULL;
  return PRL_OK;
}

prl_status prl_ranker_load(prl_runtime *runtime, const char *path, int64_t max_rows, prl_ranker **out,
                           prl_error *error) {
  prl_status status = PRL_GIVEN(error, "runtime path out", runtime, path, out);
  if (!status) status = PRL_WITHIN(error, "max_rows", max_rows, 1, 1 << 20);
  if (status) return status;
  prl_ranker *ranker = prl_calloc(runtime, 1, sizeof *ranker);
  if (!ranker) return prl_fail_memory(error, sizeof *ranker);
  ranker->runtime = prl_runtime_retain(runtime);
  ranker->max_rows = max_rows;
  status = load(ranker, path, error);
  if (status)
    prl_ranker_free(ranker);
  else
    *out = ranker;
  return status;
}

void prl_ranker_free(prl_ranker *ranker) {
  if (!ranker) return;
  prl_runtime *runtime = ranker->runtime;
  prl_program_free(ranker->program);
  if (ranker->set) prl_params_release(ranker->set);
  prl_free(runtime, ranker->entries);
  prl_doc_free(ranker->plan);
  prl_safetensors_close(ranker->file);
  prl_free(runtime, ranker);
  prl_runtime_release(runtime);
}

/* ---- what it is made of ---- */

static const char *name_at(const prl_value *list, int index) {
  const prl_value *item = prl_item(list, index);
  if (!item) return NULL;
  return item->kind == PRL_STRING ? item->as.text : prl_get_string(item, "name", NULL);
}

const char *prl_ranker_category(const prl_ranker *ranker, int index) {
  return ranker ? name_at(ranker->categories, index) : NULL;
}
const char *prl_ranker_number(const prl_ranker *ranker, int index) {
  return ranker ? name_at(ranker->number_names, index) : NULL;
}
const char *prl_ranker_sequence(const prl_ranker *ranker, int index) {
  return ranker ? name_at(ranker->sequence_list, index) : NULL;
}
const char *prl_ranker_head(const prl_ranker *ranker, int index) {
  return ranker ? name_at(ranker->heads, index) : NULL;
}
int prl_ranker_categories(const prl_ranker *ranker) { return ranker ? ranker->categories_count : 0; }
int prl_ranker_numbers(const prl_ranker *ranker) { return ranker ? ranker->numbers_count : 0; }
int prl_ranker_heads(const prl_ranker *ranker) { return ranker ? ranker->heads_count : 0; }
int prl_ranker_items(const prl_ranker *ranker) { return ranker ? ranker->items_count : 0; }

int prl_ranker_sequence_length(const prl_ranker *ranker, int index) {
  if (!ranker) return 0;
  return (int)prl_get_int(prl_item(ranker->sequence_list, index), "length", 0);
}

int prl_ranker_sequence_category(const prl_ranker *ranker, int index) {
  const char *of = prl_get_string(ranker ? prl_item(ranker->sequence_list, index) : NULL, "of", NULL);
  if (!of) return -1;
  for (int c = 0; c < ranker->categories_count; c++)
    if (strcmp(of, prl_ranker_category(ranker, c)) == 0) return c;
  return -1;
}

/* ---- scoring ---- */

static prl_status check_ids(const prl_ranker *ranker, const int32_t *ids, int64_t n, int width,
                            const char *what, prl_error *error) {
  for (int64_t i = 0; i < n * width; i++)
    if (ids[i] < 0 || ids[i] >= ranker->table_rows)
      return prl_fail(error, PRL_EINVAL,
                      "row %lld, %s %lld: the id %d is not one of the ranker's (0 to %lld)",
                      (long long)(i / width) + 1, what, (long long)(i % width) + 1, (int)ids[i],
                      (long long)ranker->table_rows - 1);
  return PRL_OK;
}

static prl_status check_numbers(const prl_ranker *ranker, const float *numbers, int64_t n, prl_error *error) {
  int width = ranker->numbers_count;
  for (int64_t i = 0; i < n * width; i++)
    if (!isfinite(numbers[i]))
      return prl_fail(error, PRL_ENUMERIC, "row %lld: the number %s is %g", (long long)(i / width) + 1,
                      prl_ranker_number(ranker, (int)(i % width)), (double)numbers[i]);
  return PRL_OK;
}

static void fill(prl_tensor *to, const void *from, int64_t first, int64_t rows, int width) {
  if (to) memcpy(to->data, (const char *)from + (size_t)(first * width) * 4, (size_t)(rows * width) * 4);
}

prl_status prl_ranker_score(prl_ranker *ranker, const int32_t *ids, const float *numbers,
                            const int32_t *sequences, int64_t n, float *scores, prl_error *error) {
  prl_status status = PRL_GIVEN(error, "ranker", ranker);
  if (!status) status = PRL_WITHIN(error, "n", n, 0, PRL_ROWS_MOST);
  if (!status && n) status = PRL_GIVEN(error, "scores", scores);
  if (!status && n && ranker->categories_count) status = PRL_GIVEN(error, "ids", ids);
  if (!status && n && ranker->numbers_count) status = PRL_GIVEN(error, "numbers", numbers);
  if (!status && n && ranker->items_count) status = PRL_GIVEN(error, "sequences", sequences);
  if (!status) status = check_ids(ranker, ids, n, ranker->categories_count, "category", error);
  if (!status) status = check_ids(ranker, sequences, n, ranker->items_count, "item", error);
  if (!status) status = check_numbers(ranker, numbers, n, error);
  for (int64_t first = 0; !status && first < n; first += ranker->max_rows) {
    int64_t rows = n - first < ranker->max_rows ? n - first : ranker->max_rows;
    prl_program_restart(ranker->program);
    status = prl_program_rows(ranker->program, rows, error);
    if (status) return status;
    fill(ranker->ids, ids, first, rows, ranker->categories_count);
    fill(ranker->numbers, numbers, first, rows, ranker->numbers_count);
    fill(ranker->sequences, sequences, first, rows, ranker->items_count);
    status = prl_program_run(ranker->program, 0, NULL, error);
    if (!status)
      memcpy(scores + first * ranker->heads_count, ranker->scores->data,
             (size_t)(rows * ranker->heads_count) * sizeof *scores);
  }
  return status;
}
