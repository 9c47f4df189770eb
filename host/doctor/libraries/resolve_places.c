// Folders of a search: lists with their $ORIGIN expanded, and the default ones.
#include "resolve_places.h"
#include <string.h>

enum { ELEMENTS = 2048, FOLDER = 4096, TARGETS = 64 };

const char *folder_of(struct arena *arena, const char *path) {
  const char *end = strrchr(path, '/');
  if (!end) return ".";
  return end == path ? "/" : arena_copy(arena, path, (size_t)(end - path));
}

// ---- lists -------------------------------------------------------------------------------------

struct token {
  const char *name;
  const char *value; // NULL: not known
};

// Which token a `$` begins, and how long it is written: "$LIB", "${LIB}".
static const struct token *token_at(const struct token *token, const char *text, const char *end,
                                    size_t *length) {
  bool braces = text + 1 < end && text[1] == '{';
  for (; token->name; token++) {
    size_t name = strlen(token->name), need = name + 1 + (braces ? 2 : 0);
    if ((size_t)(end - text) < need || memcmp(text + (braces ? 2 : 1), token->name, name) != 0)
      continue;
    if (braces && text[need - 1] != '}') continue;
    *length = need;
    return token;
  }
  return NULL;
}

// False: what a token stands for is not known, or it is longer than a path can be.
static bool expand(const struct token *tokens, const char *text, const char *end,
                   char out[FOLDER]) {
  size_t used = 0;
  while (text < end) {
    size_t length = 1;
    const struct token *token = *text == '$' ? token_at(tokens, text, end, &length) : NULL;
    const char *piece = token ? token->value : text;
    if (!piece) return false;
    size_t bytes = token ? strlen(piece) : 1;
    if (bytes >= FOLDER - used) return false;
    memcpy(out + used, piece, bytes);
    used += bytes;
    text += length;
  }
  out[used] = 0;
  return true;
}

bool places_of_list(struct search *search, const char *list, bool semicolons, const char *origin,
                    const char *how, place_seen *seen, void *to) {
  bool arm = search->arch == ARCH_AARCH64;
  const char *lib = !search->multiarch ? "lib64"
                    : arm              ? "lib/aarch64-linux-gnu"
                                       : "lib/x86_64-linux-gnu";
  const struct token tokens[] = {
      {"ORIGIN", origin}, {"LIB", lib}, {"PLATFORM", arm ? "aarch64" : "x86_64"}, {NULL, NULL}};
  const char *separators = semicolons ? ":;" : ":";
  for (int i = 0; i < ELEMENTS; i++) {
    const char *end = list + strcspn(list, separators), *folder = NULL;
    char text[FOLDER];
    bool empty = end == list;
    if (expand(tokens, list, end, text)) {
      if (*text == '/')
        folder = arena_copy(search->arena, text, strlen(text));
      else if (search->cwd)
        folder = arena_print(search->arena, "%s%s%s", search->cwd, empty ? "" : "/", text);
    }
    // A colon too many means the current folder; where that is not known nobody meant it.
    if ((folder || !empty) && seen(to, folder, how)) return true;
    if (!*end) return false;
    list = end + 1;
  }
  return false;
}

// ---- folders that are always looked into -------------------------------------------------------

struct row {
  enum arch arch; // ARCH_UNKNOWN: of each
  bool not_multiarch;
  const char *folder;
};
static const struct row standard[] = {
    {ARCH_X86_64, false, "/lib/x86_64-linux-gnu"},
    {ARCH_X86_64, false, "/usr/lib/x86_64-linux-gnu"},
    {ARCH_AARCH64, false, "/lib/aarch64-linux-gnu"},
    {ARCH_AARCH64, false, "/usr/lib/aarch64-linux-gnu"},
    {ARCH_UNKNOWN, true, "/lib64"},
    {ARCH_UNKNOWN, true, "/usr/lib64"},
    {ARCH_UNKNOWN, false, "/lib"},
    {ARCH_UNKNOWN, false, "/usr/lib"},
    {ARCH_UNKNOWN, false, NULL},
};
static const struct row of_32_bit[] = {
    {ARCH_X86_64, false, "/lib/i386-linux-gnu"},
    {ARCH_X86_64, false, "/usr/lib/i386-linux-gnu"},
    {ARCH_X86_64, false, "/usr/lib32"},
    {ARCH_AARCH64, false, "/usr/lib/arm-linux-gnueabihf"},
    {ARCH_UNKNOWN, false, NULL},
};
static const struct row of_drivers[] = {
    {ARCH_X86_64, false, "/usr/lib/wsl/lib"},
    {ARCH_AARCH64, false, "/usr/lib/wsl/lib"},
    {ARCH_AARCH64, false, "/usr/lib/aarch64-linux-gnu/tegra"},
    {ARCH_AARCH64, false, "/usr/lib/aarch64-linux-gnu/nvidia"},
    {ARCH_UNKNOWN, false, NULL},
};

static bool visit(struct search *search, const struct row *row, const char *how, place_seen *seen,
                  void *to) {
  for (; row->folder; row++) {
    bool other = row->arch && search->arch && row->arch != search->arch;
    // A snapshot without a cache was made by hand: what lies in the other family's folder is meant.
    bool sure = root_live(search->root) || search->cache.there == THERE;
    if (other || (row->not_multiarch && search->multiarch && sure)) continue;
    if (seen(to, row->folder, how)) return true;
  }
  return false;
}

bool places_default(struct search *search, place_seen *seen, void *to) {
  return visit(search, standard, "default", seen, to);
}

bool places_32_bit(struct search *search, place_seen *seen, void *to) {
  return visit(search, of_32_bit, "", seen, to);
}

bool places_of_cuda(struct search *search, place_seen *seen, void *to) {
  static const char *const below[] = {"lib64", "compat"};
  if (visit(search, of_drivers, "", seen, to)) return true;
  struct names toolkits = root_names(search->root, "cuda*", "/usr/local");
  for (int i = 0; i < toolkits.count && i < TARGETS; i++) {
    const char *toolkit = arena_print(search->arena, "/usr/local/%s", toolkits.name[i]);
    for (size_t k = 0; k < sizeof below / sizeof *below; k++)
      if (seen(to, arena_print(search->arena, "%s/%s", toolkit, below[k]), "")) return true;
    struct names targets = root_names(search->root, "*", "%s/targets", toolkit);
    for (int k = 0; k < targets.count && k < TARGETS; k++) {
      const char *lib = arena_print(search->arena, "%s/targets/%s/lib", toolkit, targets.name[k]);
      if (seen(to, lib, "") || seen(to, arena_print(search->arena, "%s/stubs", lib), ""))
        return true;
    }
  }
  return false;
}
