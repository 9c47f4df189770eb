// Writes a snapshot: lets all probes look at a machine, for every framework, and takes what they
// looked at. A diagnosis of the snapshot then sees what one of the machine sees.
#include "capture.h"
#include "gather.h"
#include "unpack.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NOT_ELF = 64 << 10 }; // of a file that was opened for its parts and has none

struct capture {
  const struct why_doctor *request;
  const char *to;
  struct why_error *error;
  struct arena arena;
  struct arena scratch; // of one file
  struct root *root;
  struct ask ask;
  struct looks looks;
  struct facts facts;
  struct sink sink;
  bool writing; // the sink is open
  int file;     // the one that is being copied; -1
  FILE *list;   // .whycpu/unread, as it grows
  char *list_text;
  size_t list_length;
  int unread;
};

// ---- looking -----------------------------------------------------------------------------------

static void look(struct capture *c) {
  struct ask ask = c->ask;
  ask.machine_only = true;
  c->looks.arena = &c->arena;
  c->facts.arena = &c->arena;
  c->facts.root = c->root;
  root_watch(c->root, looks_add, &c->looks);
  gather(&c->facts, &ask);
  ask.machine_only = false;
  for (int i = 0; i < FRAMEWORK_COUNT; i++) {
    ask.framework = c->facts.framework = (enum framework)i;
    c->facts.build = (struct build){0};
    probe_build(&c->facts, &ask);
  }
  root_watch(c->root, NULL, NULL);
}

// ---- writing -----------------------------------------------------------------------------------

// `failed`: it could not be read, which is more than that nobody wanted to.
static void not_read(struct capture *c, const char *path, bool failed) {
  if (strchr(path, '\n')) return; // no line can hold it
  c->unread += failed;
  fprintf(c->list, "%s\n", path);
}

static bool stand_in(struct capture *c, const char *path) {
  return sink_text(&c->sink, path, "", 0);
}

// The parts of a file that lie behind its start and within its size.
static void take_parts(struct capture *c, int file, struct content *content) {
  const struct elf_part *part;
  struct elf_part start = {0, NOT_ELF};
  int parts;
  if (!elf_parts(file, &c->scratch, &part, &parts)) {
    part = &start;
    parts = 1;
  }
  struct elf_part *kept = arena_give(&c->scratch, (size_t)parts * sizeof *kept);
  for (int i = 0; i < parts; i++) {
    uint64_t from = part[i].offset, to = from + part[i].length;
    if (from < content->start_length) from = content->start_length;
    if (to > content->size || to < part[i].offset) to = content->size;
    if (from < to) kept[content->parts++] = (struct elf_part){from, to - from};
  }
  content->part = kept;
}

static bool is_too_much(const struct sink *sink, const struct content *content) {
  uint64_t bytes = sink->bytes + content->start_length;
  for (int i = 0; i < content->parts; i++) bytes += content->part[i].length;
  return bytes > CONTENT_MOST;
}

static bool take_file(struct capture *c, const struct item *item) {
  struct content content = {.start = "", .file = c->file};
  struct stat stat;
  // One byte more than was read, so that the file is seen to be longer than that.
  ssize_t got = item->text ? root_read(c->root, c->file, item->most + 1) : 0;
  if (got < 0 || fstat(c->file, &stat) != 0) {
    not_read(c, item->path, true);
    return stand_in(c, item->path);
  }
  // What ends earlier than it says is of /proc or /sys, whose sizes are not true.
  bool all = item->text && (size_t)got <= item->most;
  content.size = all || stat.st_size < got ? (uint64_t)got : (uint64_t)stat.st_size;
  if (item->text) {
    content.start = c->root->buffer;
    content.start_length = (size_t)got;
  }
  if (!capture_keeps_whole(item->path)) {
    if (!item->text || !capture_keep(item->path, c->root->buffer, &content.start_length)) {
      not_read(c, item->path, false);
      return stand_in(c, item->path);
    }
    content.size = content.start_length;
  } else if (item->parts && !all) {
    take_parts(c, c->file, &content);
  }
  if (is_too_much(&c->sink, &content)) {
    not_read(c, item->path, true);
    return stand_in(c, item->path);
  }
  return sink_file(&c->sink, item->path, &content);
}

static bool write_file(struct capture *c, const struct item *item) {
  struct place place;
  if (!item->text && !item->parts) {
    if (!item->seen) not_read(c, item->path, false);
    return stand_in(c, item->path);
  }
  root_walk(c->root, item->path, false, &place, NULL, NULL);
  if (place.there == ABSENT) return true; // it has gone meanwhile
  c->file = place.there == THERE ? root_open_kind(c->root, &place, S_IFREG) : -1;
  if (c->file < 0) {
    not_read(c, item->path, true);
    return stand_in(c, item->path);
  }
  bool good = take_file(c, item);
  close(c->file);
  c->file = -1;
  arena_free(&c->scratch);
  return good;
}

static bool write_item(struct capture *c, const struct item *item) {
  if (capture_is_fact(item->path) || strcmp(item->path, "/.whycpu") == 0) return true;
  switch (item->kind) {
  case ITEM_FOLDER:
    if (!item->seen) not_read(c, item->path, false);
    return item->path[1] ? sink_folder(&c->sink, item->path) : true;
  case ITEM_LINK:
    return sink_link(&c->sink, item->path, item->target);
  case ITEM_FILE:
    return write_file(c, item);
  case ITEM_UNREAD:
    break;
  }
  not_read(c, item->path, true);
  return true;
}

static bool write_all(struct capture *c) {
  struct plan plan = plan_of(c->root, &c->arena, &c->looks, c->request->pid);
  bool good = sink_folder(&c->sink, "/.whycpu") && capture_facts(&c->facts, &c->sink);
  fputs("# What could not be read, and what is there and was not looked into.\n", c->list);
  for (int i = 0; good && i < plan.count; i++) good = write_item(c, &plan.item[i]);
  if (!good) return false;
  if (fflush(c->list) != 0) return sink_failed(&c->sink, "", strerror(errno));
  return sink_text(&c->sink, "/.whycpu/unread", c->list_text, c->list_length);
}

// ---- all of it ---------------------------------------------------------------------------------

static enum why_reason run(struct capture *c) {
  const char *from = c->request->root ? c->request->root : "/";
  enum why_reason reason = root_open(from, &c->arena, &c->root, c->error);
  if (reason == WHY_OK) reason = ask_take(c->request, c->root, &c->arena, &c->ask, c->error);
  if (reason == WHY_OK) reason = sink_open(&c->sink, c->to, c->error);
  c->writing = reason == WHY_OK;
  if (!c->writing) return reason;
  c->list = open_memstream(&c->list_text, &c->list_length);
  if (!c->list) return WHY_ALLOC_FAILED;
  look(c);
  return write_all(c) ? WHY_OK : WHY_CALL_FAILED;
}

enum why_reason why_capture(const struct why_doctor *request, const char *to, int *files,
                            int *unread, struct why_error *error) {
  jmp_buf full;
  struct capture c = {.request = request, .to = to, .error = error, .file = -1};
  volatile enum why_reason reason = WHY_ALLOC_FAILED;
  *error = (struct why_error){0};
  c.arena.full = c.scratch.full = &full;
  if (!setjmp(full)) reason = run(&c);
  if (c.writing) {
    enum why_reason closed = sink_close(&c.sink, reason == WHY_OK);
    if (reason == WHY_OK) reason = closed;
  }
  if (c.file >= 0) close(c.file);
  if (c.list) fclose(c.list);
  free(c.list_text);
  root_close(c.root);
  arena_free(&c.scratch);
  arena_free(&c.arena);
  if (reason == WHY_ALLOC_FAILED) snprintf(error->text, sizeof error->text, "out of memory");
  *files = reason == WHY_OK ? c.sink.files : 0;
  *unread = reason == WHY_OK ? c.unread : 0;
  return reason;
}
