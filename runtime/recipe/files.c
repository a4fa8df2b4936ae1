/* The files that a recipe may be made of: itself, and what it requires from its own folder. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/file.h"
#include "recipe/state.h"

/* Of comments and texts too: a lexer here would be a second one. */
static bool too_many_gotos(const char *text) {
  int count = 0;
  for (text = strstr(text, "goto"); text && count <= PRL_RECIPE_GOTOS; text = strstr(text + 4, "goto"))
    count++;
  return count > PRL_RECIPE_GOTOS;
}

static prl_status check_text(const prl_recipe_file *file, prl_error *error) {
  const unsigned char *text = (const unsigned char *)file->text;
  if (file->size && text[0] == 0x1b)
    return prl_fail(error, PRL_EFORMAT, "%s: this is bytecode; a recipe is Lua text", file->path);
  const unsigned char *zero = memchr(text, 0, file->size);
  if (zero)
    return prl_fail(error, PRL_EFORMAT, "%s: byte %lld is zero; a recipe is Lua text", file->path,
                    (long long)(zero - text) + 1);
  if (too_many_gotos(file->text))
    return prl_fail(error, PRL_EFORMAT, "%s: a recipe has at most %d gotos", file->path, PRL_RECIPE_GOTOS);
  return PRL_OK;
}

/* All the files of a recipe share what it may have of text. */
static prl_status read_text(prl_sandbox *s, prl_recipe_file *file, prl_error *error) {
  int64_t left = PRL_RECIPE_TEXT_BYTES - s->text_bytes;
  prl_status status =
      prl_file_read(s->runtime, file->real, PRL_RECIPE_FILE_BYTES, &file->text, &file->size, error);
  if (status == PRL_ELIMIT)
    return prl_fail(error, PRL_EFORMAT, "%s: the file is too long: a recipe's files have at most %d KiB each",
                    file->path, PRL_RECIPE_FILE_BYTES >> 10);
  if (status) return status;
  if ((int64_t)file->size > left)
    return prl_fail(error, PRL_EFORMAT,
                    "%s: with this file the recipe is too long: its files have at most %d KiB in all",
                    file->path, PRL_RECIPE_TEXT_BYTES >> 10);
  s->text_bytes += (int64_t)file->size;
  return check_text(file, error);
}

/* Takes `real` over. */
static prl_status add_file(prl_sandbox *s, const char *path, char *real, prl_error *error) {
  if (s->files_count == PRL_RECIPE_FILES) {
    prl_free(s->runtime, real);
    return prl_fail(error, PRL_EFORMAT, "%s: a recipe is made of at most %d files", path, PRL_RECIPE_FILES);
  }
  prl_recipe_file *file = &s->files[s->files_count];
  memset(file, 0, sizeof *file);
  file->real = real;
  s->files_count++; /* prl_sandbox_close frees what is there */
  file->path = prl_strdup(s->runtime, path);
  if (!file->path) return prl_fail_memory(error, strlen(path) + 1);
  return read_text(s, file, error);
}

static prl_status resolve(prl_sandbox *s, const char *path, const char *shown, char **out, prl_error *error) {
  char real[PATH_MAX];
  if (!realpath(path, real)) return prl_fail(error, PRL_EIO, "%s: %s", shown, strerror(errno));
  *out = prl_strdup(s->runtime, real);
  return *out ? PRL_OK : prl_fail_memory(error, strlen(real) + 1);
}

prl_status prl_sandbox_main(prl_sandbox *s, const char *path, prl_error *error) {
  const char *slash = strrchr(path, '/');
  size_t n = slash ? (size_t)(slash - path) + 1 : 0;
  s->shown = prl_alloc(s->runtime, n + 1);
  if (!s->shown) return prl_fail_memory(error, n + 1);
  memcpy(s->shown, path, n);
  s->shown[n] = 0;
  char *real;
  prl_status status = resolve(s, path, path, &real, error);
  if (!status) status = add_file(s, path, real, error);
  if (!status) status = resolve(s, n ? s->shown : ".", path, &s->folder, error);
  return status;
}

/* Letters, digits, _ and -, in parts that a dot or slash joins. So there is no "..", no root and no hidden
 * file. */
static bool plain_name(const char *name) {
  bool part = false;
  for (const char *c = name; *c; c++) {
    bool joins = *c == '.' || *c == '/';
    bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
                  *c == '_' || *c == '-';
    if (!joins && !letter) return false;
    if (joins && !part) return false;
    part = letter;
  }
  return part;
}

/* "shared.base" as "shared/base.lua". */
static void append_name(char *to, const char *name) {
  for (; *name; name++) *to++ = *name == '.' ? '/' : *name;
  strcpy(to, ".lua");
}

/* The folder of a file, with its slash: of the recipe itself the one that its path named, before links. */
static int folder_of(const char *path, const char *main_folder, bool is_main, char out[PATH_MAX]) {
  const char *slash = strrchr(path, '/');
  int length = is_main ? (int)strlen(main_folder) : slash ? (int)(slash - path) + 1 : 0;
  const char *from = is_main ? main_folder : path;
  bool needs_slash = is_main && length && from[length - 1] != '/';
  return snprintf(out, PATH_MAX, "%.*s%s", length, from, needs_slash ? "/" : "");
}

prl_status prl_sandbox_beside(prl_sandbox *s, int from, const char *name, int *index, prl_error *error) {
  char path[PATH_MAX], shown[PATH_MAX];
  if (!plain_name(name) || strlen(name) > 200)
    return prl_fail(
        error, PRL_EFORMAT,
        "require \"%.60s\": a recipe requires files of its own folder, by a name such as \"base\" or "
        "\"shared.base\"",
        name);
  const prl_recipe_file *file = &s->files[from];
  int a = folder_of(file->real ? file->real : "", s->folder, from == 0 || !file->real, path);
  int b = folder_of(file->path, s->shown, from == 0 || !file->real, shown);
  int longest = PATH_MAX - 210;
  if (a < 0 || b < 0 || a >= longest || b >= longest)
    return prl_fail(error, PRL_EIO, "require \"%.60s\": the path is too long", name);
  append_name(path + a, name);
  append_name(shown + b, name);
  char *real;
  prl_status status = resolve(s, path, shown, &real, error);
  if (status) return status;
  size_t n = strlen(s->folder);
  bool within = strncmp(real, s->folder, n) == 0 && (real[n] == '/' || n == 1);
  if (!within) {
    prl_free(s->runtime, real);
    return prl_fail(error, PRL_EFORMAT, "require \"%s\": %s leads out of the recipe's folder", name, shown);
  }
  for (int i = 0; i < s->files_count; i++) {
    if (s->files[i].real && strcmp(s->files[i].real, real) == 0) {
      prl_free(s->runtime, real);
      *index = i;
      return PRL_OK;
    }
  }
  status = add_file(s, shown, real, error);
  if (!status) *index = s->files_count - 1;
  return status;
}

prl_status prl_sandbox_running(prl_sandbox *s, int *index, prl_error *error) {
  char *real;
  prl_status status = resolve(s, s->running, s->running, &real, error);
  if (!status) status = add_file(s, s->running, real, error);
  if (!status) *index = s->files_count - 1;
  return status;
}
