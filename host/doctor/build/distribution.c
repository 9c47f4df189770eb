// What is installed in a Python environment, by the folders that installers leave.
#include "python.h"
#include "python_text.h"
#include "slice.h"
#include "tables.h"
#include <string.h>

enum { METADATA = 256 << 10, NAME_MOST = 64 };

// A pattern for names that are the same distribution's, whatever their case and separators; the
// version begins with a digit, so that "jax" is not "jax-cuda12-plugin".
static const char *pattern_of(struct arena *arena, const char *name, const char *end) {
  char *pattern = arena_give(arena, 5 * NAME_MOST + 1), *at = pattern;
  for (size_t i = 0; name[i] && i < NAME_MOST; i++) {
    char c = name[i];
    bool small = c >= 'a' && c <= 'z', big = c >= 'A' && c <= 'Z';
    *at++ = '[';
    if (small || big) {
      *at++ = small ? c : (char)(c - 'A' + 'a');
      *at++ = big ? c : (char)(c - 'a' + 'A');
    } else if (c == '-' || c == '_' || c == '.') {
      *at++ = '.';
      *at++ = '_';
      *at++ = '-';
    } else {
      *at++ = c;
    }
    *at++ = ']';
  }
  return arena_print(arena, "%s%s", pattern, end);
}

// "torch-2.5.1.dist-info", "tensorflow-1.15.0-py3.7.egg-info": the version in between.
static const char *version_in(struct arena *arena, const char *folder, const char *name) {
  size_t begin = strlen(name) + 1;
  struct slice rest = slice_of(folder + begin);
  if (slice_ends(rest, ".dist-info") || slice_ends(rest, ".egg-info"))
    rest.length -= strlen(slice_ends(rest, ".dist-info") ? ".dist-info" : ".egg-info");
  else
    return NULL;
  struct slice before, after;
  if (slice_split(rest, '-', &before, &after)) rest = before;
  return slice_show(arena, rest, NAME_MOST);
}

struct distribution python_distribution(const struct facts *f, const struct python *python,
                                        const char *name) {
  struct distribution out = {.there = ABSENT, .name = name, .version = "", .site = "", .path = ""};
  if (strlen(name) > NAME_MOST) return out;
  const char *pattern = pattern_of(f->arena, name, "-[0-9]*-info");
  for (int i = 0; i < python->sites; i++) {
    struct names names = root_names(f->root, pattern, "%s", python->site[i]);
    if (names.there == UNREAD) out.there = UNREAD;
    for (int k = 0; k < names.count; k++) {
      const char *version = version_in(f->arena, names.name[k], name);
      if (!version || (out.there == THERE && version_compare(version, out.version) <= 0)) continue;
      out.there = THERE;
      out.version = version;
      out.site = python->site[i];
      out.path = arena_print(f->arena, "%s/%s", python->site[i], names.name[k]);
    }
    if (out.there == THERE) return out; // the first folder that has it is imported from
  }
  if (out.there == ABSENT && python->complete != YES) out.there = UNREAD;
  return out;
}

struct distribution python_conda(const struct facts *f, const struct python *python,
                                 const char *name, const char **build) {
  struct distribution out = {.there = ABSENT, .name = name, .version = "", .site = "", .path = ""};
  *build = "";
  if (!*python->prefix) return out;
  const char *folder = arena_print(f->arena, "%s/conda-meta", python->prefix);
  const char *pattern = arena_print(f->arena, "%s-[0-9]*.json", name);
  struct names names = root_names(f->root, pattern, "%s", folder);
  out.there = names.there == UNREAD ? UNREAD : ABSENT;
  for (int i = 0; i < names.count; i++) {
    struct slice rest = slice_of(names.name[i] + strlen(name) + 1), version, made;
    rest.length -= strlen(".json");
    if (!slice_split(rest, '-', &version, &made)) continue;
    out.there = THERE;
    out.version = slice_show(f->arena, version, NAME_MOST);
    out.site = folder;
    out.path = arena_print(f->arena, "%s/%s", folder, names.name[i]);
    *build = slice_show(f->arena, made, NAME_MOST);
  }
  return out;
}

const char *python_requires(const struct facts *f, const struct distribution *d, const char *name) {
  if (d->there != THERE || !*d->path) return NULL;
  struct text text = root_text(f->root, METADATA, "%s/METADATA", d->path);
  if (text.there != THERE) text = root_text(f->root, METADATA, "%s/PKG-INFO", d->path);
  return metadata_requires(f->arena, &text, name);
}
