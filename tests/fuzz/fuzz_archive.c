// Any bytes as an archive of a snapshot: it opens or is refused in a line, what it holds stays in
// the folder that it is unpacked into, and that is gone in the end.
#include "doctor/tar.c" // for first inputs
#include "root.h"
#include "tree.h"
#include <dirent.h>
#include <stdint.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static char dir[TREE_PATH], above[TREE_PATH + 16], input[TREE_PATH + 16];

static void end(void) {
  tree_end(dir);
}

static void save_seeds(const char *folder) {
  char path[4096];
  static const char record[] = "30 path=home/j\xc3\xbcrgen/\xe7\x8c\xab/file\n";
  struct tar tar = {0};
  tar_text(&tar, "snap/.whycpu/version", "1\n");
  tar_member(&tar, '2', "snap/lib", "/usr/lib", "", 0);
  snprintf(path, sizeof path, "%s/0", folder);
  tar_write(&tar, path);
  tar_text(&tar, "snap/usr/lib/a", "a");
  tar_member(&tar, '1', "snap/usr/lib/b", "snap/usr/lib/a", "", 0);
  tar_member(&tar, '5', "snap/etc/", "", "", 0);
  tar_member(&tar, 'x', "pax", "", record, sizeof record - 1);
  tar_text(&tar, "snap/short", "long");
  tar_text(&tar, "../climbs", "x");
  tar_end(&tar);
  snprintf(path, sizeof path, "%s/1", folder);
  tar_write(&tar, path);
  snprintf(path, sizeof path, "%s/2", folder);
  tar_write_gzip(&tar, path, 0);
  tar_free(&tar);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  char relative[TREE_PATH];
  tree_begin(relative);
  if (!realpath(relative, dir)) exit(1);
  atexit(end);
  snprintf(above, sizeof above, "%s/above", dir);
  snprintf(input, sizeof input, "%s/input", dir);
  tree_folder(dir, "above");
  setenv("TMPDIR", above, 1);
  if (getenv("FUZZ_SEEDS")) save_seeds(getenv("FUZZ_SEEDS"));
  return 0;
}

static int count(const char *folder) {
  int names = 0;
  DIR *list = opendir(folder);
  while (list && readdir(list)) names++;
  if (list) closedir(list);
  return names;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  struct arena arena = {0};
  struct why_error error;
  struct root *root;
  jmp_buf full;
  write_bytes(input, bytes, length);
  arena.full = &full;
  if (setjmp(full)) abort();
  if (root_open(input, &arena, &root, &error) == WHY_OK) {
    struct names names = root_names(root, "*", "/");
    for (int i = 0; i < names.count; i++) {
      root_text(root, 100, "/%s", names.name[i]);
      root_real(root, "/%s/%s", names.name[i], names.name[0]);
    }
    if (root_text(root, 100, "/../input").there == THERE && count(above) != 3) abort();
  } else if (!*error.text || strchr(error.text, '\n')) {
    abort();
  }
  root_close(root);
  arena_free(&arena);
  if (count(above) != 2 || count(dir) != 4) abort(); // "." and ".." are two of them
  return 0;
}
