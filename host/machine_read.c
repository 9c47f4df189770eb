// A machine file read: from JSON to a machine that can decide and never run. No library is opened
// and no file but this one. The first thing that is wrong ends it, in one line with its place; keys
// that this version does not know are passed over, so that it reads what a later one wrote.
#include "machine_reader.h"
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FILE_BYTES = 64 << 20 };

bool why_reader_wrong(struct why_reader *r, const struct why_json *at, const char *format, ...) {
  if (r->reason != WHY_OK) return false;
  r->reason = WHY_BAD_INPUT;
  r->error->line = at->line;
  r->error->column = at->column;
  va_list list;
  va_start(list, format);
  vsnprintf(r->error->text, sizeof r->error->text, format, list);
  va_end(list);
  return false;
}

bool why_reader_no_memory(struct why_reader *r) {
  if (r->reason == WHY_OK) r->reason = WHY_ALLOC_FAILED;
  snprintf(r->error->text, sizeof r->error->text, "out of memory");
  return false;
}

// ---- typed values ------------------------------------------------------------------------------

const char *const why_json_kind_words[] = {"null",     "true or false", "a number",
                                           "a string", "an array",      "an object"};

// The member of this key and kind. NULL where it is absent, which is wrong only if it is required.
const struct why_json *why_reader_member(struct why_reader *r, const struct why_json *object,
                                         const char *key, enum why_json_kind kind, bool required) {
  const struct why_json *value = why_json_get(object, key);
  if (!value) {
    if (required)
      why_reader_wrong(r, object, "the key \"%s\" is missing here: %s", key,
                       why_json_kind_words[kind]);
    return NULL;
  }
  if (value->kind == kind) return value;
  why_reader_wrong(r, value, "\"%s\" must be %s, not %s", key, why_json_kind_words[kind],
                   why_json_kind_words[value->kind]);
  return NULL;
}

bool why_reader_text(struct why_reader *r, const struct why_json *object, const char *key,
                     bool required, char *out, size_t size) {
  const struct why_json *value = why_reader_member(r, object, key, WHY_JSON_STRING, required);
  if (!value) return r->reason == WHY_OK;
  if (strlen(value->text) >= size)
    return why_reader_wrong(r, value, "\"%s\" must have at most %zu bytes", key, size - 1);
  if (required && !*value->text) return why_reader_wrong(r, value, "\"%s\" must not be empty", key);
  strcpy(out, value->text);
  return true;
}

static bool get_note(struct why_reader *r, const struct why_json *object, const char *key,
                     const char **out) {
  const struct why_json *value = why_reader_member(r, object, key, WHY_JSON_STRING, false);
  *out = "";
  if (!value) return r->reason == WHY_OK;
  *out = why_intern(r->machine, value->text);
  return **out || !*value->text ? true : why_reader_no_memory(r);
}

bool why_reader_whole(struct why_reader *r, const struct why_json *object, const char *key,
                      bool required, int64_t least, int64_t most, int64_t *out) {
  const struct why_json *value = why_reader_member(r, object, key, WHY_JSON_NUMBER, required);
  if (!value) return r->reason == WHY_OK;
  int64_t number = value->negative ? -(int64_t)value->magnitude : (int64_t)value->magnitude;
  if (!value->whole || value->magnitude > INT64_MAX || number < least || number > most)
    return why_reader_wrong(r, value, "\"%s\" must be a whole number from %lld to %lld", key,
                            (long long)least, (long long)most);
  *out = number;
  return true;
}

bool why_reader_bytes(struct why_reader *r, const struct why_json *object, const char *key,
                      bool required, uint64_t *out) {
  const struct why_json *value = why_reader_member(r, object, key, WHY_JSON_NUMBER, required);
  if (!value) return r->reason == WHY_OK;
  if (!value->whole || (value->negative && value->magnitude))
    return why_reader_wrong(r, value,
                            "\"%s\" must be a whole number of bytes, 0 or more, below 2^64", key);
  *out = value->magnitude;
  return true;
}

bool why_reader_figure(struct why_reader *r, const struct why_json *object, const char *key,
                       double *out) {
  const struct why_json *value = why_reader_member(r, object, key, WHY_JSON_NUMBER, false);
  if (!value) return r->reason == WHY_OK;
  if (value->number < 0)
    return why_reader_wrong(r, value, "\"%s\" must be 0 (not known) or more", key);
  *out = value->number + 0.0; // no -0
  return true;
}

// ---- devices -----------------------------------------------------------------------------------

static bool read_field(struct why_reader *r, const struct why_json *object,
                       const struct why_field *field, struct why_facts *facts) {
  void *at = (char *)facts + field->offset;
  const struct why_json *flag;
  int64_t whole = 0;
  switch (field->kind) {
  case WHY_FIELD_TEXT:
    return why_reader_text(r, object, field->key, field->required, at, field->size);
  case WHY_FIELD_FLAG:
    flag = why_reader_member(r, object, field->key, WHY_JSON_BOOL, field->required);
    *(int *)at = flag && flag->truth;
    return r->reason == WHY_OK;
  case WHY_FIELD_WHOLE:
    whole = field->least < 0 ? -1 : 0;
    if (!why_reader_whole(r, object, field->key, field->required, field->least, field->most,
                          &whole))
      return false;
    *(int *)at = (int)whole;
    return true;
  case WHY_FIELD_BYTES:
    return why_reader_bytes(r, object, field->key, field->required, at);
  case WHY_FIELD_FIGURE:
    return why_reader_figure(r, object, field->key, at);
  }
  return false;
}

static bool read_features(struct why_reader *r, const struct why_json *device,
                          struct why_facts *facts) {
  const struct why_json *list = why_reader_member(r, device, "cpu_features", WHY_JSON_ARRAY, false);
  if (!list) return r->reason == WHY_OK;
  for (const struct why_json *name = list->first; name; name = name->next) {
    if (name->kind != WHY_JSON_STRING)
      return why_reader_wrong(r, name, "\"cpu_features\" must hold strings, such as \"avx2\"");
    for (const struct why_feature *feature = why_features; feature->name; feature++)
      if (!strcmp(feature->name, name->text)) facts->cpu_features |= feature->bit;
  }
  return true;
}

static bool read_figures(struct why_reader *r, const struct why_json *device,
                         struct why_facts *facts) {
  const struct why_json *figures = why_reader_member(r, device, "figures", WHY_JSON_OBJECT, false);
  if (!figures) return r->reason == WHY_OK;
  bool known = false;
  for (const struct why_field *field = why_figure_fields; field->key; field++) {
    if (!read_field(r, figures, field, facts)) return false;
    known |= *(double *)((char *)facts + field->offset) > 0;
  }
  const struct why_json *own = why_reader_member(r, figures, "provenance", WHY_JSON_STRING, false);
  if (own && strcmp(own->text, r->machine->provenance) != 0)
    return why_reader_wrong(r, own,
                            "these figures are %s and the file's are %s: one file, one provenance",
                            own->text, r->machine->provenance);
  if (known) strcpy(facts->provenance, r->machine->provenance);
  return r->reason == WHY_OK;
}

static bool read_device(struct why_reader *r, const struct why_json *device) {
  struct why_machine *machine = r->machine;
  if (device->kind != WHY_JSON_OBJECT)
    return why_reader_wrong(r, device, "a device must be an object, not %s",
                            why_json_kind_words[device->kind]);
  if (machine->devices == WHY_DEVICES)
    return why_reader_wrong(r, device, "a machine has at most %d devices", WHY_DEVICES);
  struct why_facts *facts = &machine->facts[machine->devices];
  for (const struct why_field *field = why_device_fields; field->key; field++)
    if (!read_field(r, device, field, facts)) return false;
  if (!why_json_get(device, "free_bytes")) facts->free_bytes = facts->memory_bytes;
  if (facts->free_bytes > facts->memory_bytes)
    return why_reader_wrong(r, why_json_get(device, "free_bytes"),
                            "\"free_bytes\" must be at most \"memory_bytes\"");
  if (facts->host != (machine->devices == 0))
    return why_reader_wrong(r, device,
                            machine->devices ? "only the first device may have \"host\": true"
                                             : "the first device must have \"host\": true");
  if (!read_features(r, device, facts) || !read_figures(r, device, facts)) return false;
  machine->devices++;
  return true;
}

// ---- backends ----------------------------------------------------------------------------------

static bool read_verdict(struct why_reader *r, const struct why_json *parent,
                         struct why_verdict *out) {
  const struct why_json *verdict = why_reader_member(r, parent, "verdict", WHY_JSON_OBJECT, true);
  if (!verdict) return false;
  const struct why_json *reason = why_reader_member(r, verdict, "reason", WHY_JSON_STRING, true);
  if (!reason) return false;
  out->reason = why_reason_find(reason->text);
  if (out->reason == WHY_REASON_COUNT)
    return why_reader_wrong(
        r, reason, "there is no reason \"%.40s\"; `whycpu list reasons` names them", reason->text);
  if (out->reason != WHY_OK && why_could_run(out->reason))
    return why_reader_wrong(r, reason,
                            "%s is said of a candidate, in a decision; not of a backend or library",
                            reason->text);
  return why_reader_figure(r, verdict, "need", &out->need) &&
         why_reader_figure(r, verdict, "have", &out->have) &&
         get_note(r, verdict, "note", &out->note) && get_note(r, verdict, "cause", &out->cause);
}

static bool read_lacks(struct why_reader *r, const struct why_json *backend,
                       struct why_slot *slot) {
  const struct why_json *list = why_reader_member(r, backend, "lacks", WHY_JSON_ARRAY, false);
  if (!list) return r->reason == WHY_OK;
  for (const struct why_json *entry = list->first; entry; entry = entry->next) {
    char op[32], kernel[32], rest;
    if (entry->kind != WHY_JSON_STRING ||
        sscanf(entry->text, "%31s %31s %c", op, kernel, &rest) != 2)
      return why_reader_wrong(r, entry,
                              "\"lacks\" must hold strings of an op and a kernel: \"gemm mma\"");
    int place = why_kernel_find(op, slot->name, kernel);
    if (place >= 0) slot->lacks[place] = true;
  }
  return true;
}

static bool read_backend(struct why_reader *r, const struct why_json *backend) {
  if (backend->kind != WHY_JSON_OBJECT)
    return why_reader_wrong(r, backend, "a backend must be an object, not %s",
                            why_json_kind_words[backend->kind]);
  char name[32];
  if (!why_reader_text(r, backend, "name", true, name, sizeof name)) return false;
  for (int i = 0; i < r->machine->slots; i++) {
    struct why_slot *slot = &r->machine->slot[i];
    if (strcmp(slot->name, name) != 0) continue;
    if (slot->tried)
      return why_reader_wrong(r, backend, "the backend \"%s\" is listed twice", name);
    slot->tried = true;
    return why_reader_text(r, backend, "version", false, slot->version, sizeof slot->version) &&
           why_reader_text(r, backend, "build", false, slot->build, sizeof slot->build) &&
           read_verdict(r, backend, &slot->verdict) && read_lacks(r, backend, slot);
  }
  return true; // a later version's
}

// ---- answers -----------------------------------------------------------------------------------

static bool read_problem(struct why_reader *r, const struct why_json *at, const char *op,
                         struct why_answer *answer) {
  char text[1024];
  struct why_error error = {0};
  answer->any = !strcmp(at->text, "*");
  if (answer->any) return true;
  if (snprintf(text, sizeof text, "%s %s", op, at->text) >= (int)sizeof text)
    return why_reader_wrong(r, at, "\"problem\" is too long");
  if (why_problem_parse(text, &answer->problem, &error) == WHY_OK) return true;
  return why_reader_wrong(r, at, "\"problem\": %.200s", error.text);
}

// A kernel's place in the catalog, -1 for one of a later version, and a device's in the machine.
bool why_reader_place(struct why_reader *r, const struct why_json *object, int *kernel,
                      int *device) {
  const struct why_json *name = why_reader_member(r, object, "kernel", WHY_JSON_STRING, true);
  const struct why_json *op =
      name ? why_reader_member(r, object, "op", WHY_JSON_STRING, true) : NULL;
  int64_t place = -1;
  if (!op || !why_reader_whole(r, object, "device", true, 0, r->machine->devices - 1, &place))
    return false;
  char backend[32] = "", own[32] = "";
  if (sscanf(name->text, "%31[^:]:%31s", backend, own) != 2)
    return why_reader_wrong(r, name, "\"kernel\" must be a backend and a kernel: \"cublas:lt\"");
  *kernel = why_kernel_find(op->text, backend, own);
  *device = (int)place;
  return true;
}

static bool read_answer(struct why_reader *r, const struct why_json *object) {
  if (object->kind != WHY_JSON_OBJECT)
    return why_reader_wrong(r, object, "an answer must be an object, not %s",
                            why_json_kind_words[object->kind]);
  struct why_answer answer = {.most_bytes = WHY_UNLIMITED};
  if (!why_reader_place(r, object, &answer.kernel, &answer.device)) return false;
  if (answer.kernel < 0) return true; // a later version's
  const struct why_json *problem = why_reader_member(r, object, "problem", WHY_JSON_STRING, true);
  if (!problem || !read_problem(r, problem, why_kernel_at(answer.kernel)->op, &answer) ||
      !why_reader_bytes(r, object, "most_bytes", false, &answer.most_bytes) ||
      !why_reader_bytes(r, object, "workspace_bytes", false, &answer.workspace_bytes) ||
      !read_verdict(r, object, &answer.verdict))
    return false;
  return why_answer_add(r->machine, &answer) == WHY_OK ? true : why_reader_no_memory(r);
}

// ---- the whole ---------------------------------------------------------------------------------

static bool read_list(struct why_reader *r, const struct why_json *root, const char *key,
                      bool required, bool (*read)(struct why_reader *, const struct why_json *)) {
  const struct why_json *list = why_reader_member(r, root, key, WHY_JSON_ARRAY, required);
  if (!list) return r->reason == WHY_OK;
  if (required && !list->first) return why_reader_wrong(r, list, "\"%s\" must not be empty", key);
  for (const struct why_json *entry = list->first; entry; entry = entry->next)
    if (!read(r, entry)) return false;
  return true;
}

static bool read_provenance(struct why_reader *r, const struct why_json *root) {
  struct why_machine *machine = r->machine;
  const struct why_json *from = why_reader_member(r, root, "provenance", WHY_JSON_OBJECT, true);
  if (!from ||
      !why_reader_text(r, from, "facts", true, machine->provenance, sizeof machine->provenance))
    return false;
  if (strcmp(machine->provenance, "measured") != 0 && strcmp(machine->provenance, "published") != 0)
    return why_reader_wrong(r, why_json_get(from, "facts"),
                            "\"facts\" must be \"measured\" or \"published\"");
  return why_reader_text(r, from, "time", false, machine->time, sizeof machine->time) &&
         why_reader_text(r, from, "commit", false, machine->commit, sizeof machine->commit) &&
         why_reader_text(r, from, "source", false, machine->source, sizeof machine->source);
}

// "host": "pcie4": device 0 is that machine's, and empty until it is there.
static bool read_host(struct why_reader *r, const struct why_json *root) {
  struct why_machine *machine = r->machine;
  if (!why_reader_text(r, root, "host", false, machine->host, sizeof machine->host)) return false;
  if (!*machine->host) return true;
  struct why_facts *facts = &machine->facts[machine->devices++];
  *facts = (struct why_facts){.backend = "host", .host = 1, .numa_node = -1};
  snprintf(facts->name, sizeof facts->name, "%s", machine->host);
  return true;
}

static bool read_machine(struct why_reader *r, const struct why_json *root) {
  if (root->kind != WHY_JSON_OBJECT)
    return why_reader_wrong(r, root, "a machine file must be an object, not %s",
                            why_json_kind_words[root->kind]);
  int64_t schema = 0;
  char kind[32] = "";
  if (!why_reader_whole(r, root, "schema", true, 1, INT64_MAX, &schema)) return false;
  if (schema != WHY_SCHEMA)
    return why_reader_wrong(r, why_json_get(root, "schema"),
                            "\"schema\" is %lld; this version reads %d", (long long)schema,
                            WHY_SCHEMA);
  if (!why_reader_text(r, root, "kind", true, kind, sizeof kind)) return false;
  if (strcmp(kind, "machine") != 0)
    return why_reader_wrong(r, why_json_get(root, "kind"), "\"kind\" must be \"machine\"");
  return why_reader_text(r, root, "name", true, r->machine->name, sizeof r->machine->name) &&
         read_host(r, root) && read_provenance(r, root) &&
         read_list(r, root, "devices", true, read_device) &&
         read_list(r, root, "backends", false, read_backend) &&
         read_list(r, root, "answers", false, read_answer) &&
         read_list(r, root, "fits", false, why_reader_fit) &&
         read_list(r, root, "ceilings", false, why_reader_ceiling);
}

// The rest of a file; NULL with the error's text.
static char *read_file(FILE *file, size_t *length, struct why_reader *r) {
  size_t room = 65536;
  char *text = malloc(room);
  *length = 0;
  while (text && (*length += fread(text + *length, 1, room - *length, file)) == room) {
    char *more = room < MOST_FILE_BYTES ? realloc(text, room *= 2) : NULL;
    if (!more) free(text);
    text = more;
  }
  if (!text && room < MOST_FILE_BYTES) {
    why_reader_no_memory(r);
  } else if (!text || ferror(file)) {
    r->reason = WHY_BAD_INPUT;
    snprintf(r->error->text, sizeof r->error->text, "the file cannot be read: %s",
             text ? strerror(errno) : "a machine file has less than 64 MiB");
    free(text);
    text = NULL;
  }
  return text;
}

// What the file does not list is absent there; nothing is opened later.
static void close_slots(struct why_machine *machine) {
  for (int i = 0; i < machine->slots; i++) {
    struct why_slot *slot = &machine->slot[i];
    if (!slot->tried)
      slot->verdict = (struct why_verdict){
          .reason = WHY_BACKEND_ABSENT, .note = "not in the machine file", .cause = ""};
    slot->tried = true;
  }
}

enum why_reason why_read(FILE *file, struct why_machine **out, struct why_error *error) {
  *out = NULL;
  *error = (struct why_error){0};
  struct why_json_document document = {0};
  struct why_reader r = {.machine = why_machine_new(), .error = error};
  size_t length;
  if (!r.machine) {
    why_reader_no_memory(&r);
    return r.reason;
  }
  char *text = read_file(file, &length, &r);
  if (text) r.reason = why_json_parse(text, length, &document, error);
  if (document.root && read_machine(&r, document.root)) {
    r.machine->replayed = true;
    close_slots(r.machine);
    *out = r.machine;
  } else {
    why_close(r.machine);
  }
  why_json_free(&document);
  free(text);
  return r.reason;
}
