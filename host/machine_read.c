// A machine file read: from JSON to a machine that can decide and never run. No library is opened
// and no file but this one. The first thing that is wrong ends it, in one line with its place; keys
// that this version does not know are passed over, so that it reads what a later one wrote.
#include "json.h"
#include "machine_file.h"
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FILE_BYTES = 64 << 20 };

struct reader {
  struct why_machine *machine;
  struct why_error *error;
  enum why_reason reason; // of the first fault
};

static bool __attribute__((format(printf, 3, 4)))
wrong(struct reader *r, const struct why_json *at, const char *format, ...) {
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

static bool no_memory(struct reader *r) {
  if (r->reason == WHY_OK) r->reason = WHY_ALLOC_FAILED;
  snprintf(r->error->text, sizeof r->error->text, "out of memory");
  return false;
}

// ---- typed values ------------------------------------------------------------------------------

static const char *const kind_words[] = {"null",     "true or false", "a number",
                                         "a string", "an array",      "an object"};

// The member of this key and kind. NULL where it is absent, which is wrong only if it is required.
static const struct why_json *member(struct reader *r, const struct why_json *object,
                                     const char *key, enum why_json_kind kind, bool required) {
  const struct why_json *value = why_json_get(object, key);
  if (!value) {
    if (required) wrong(r, object, "the key \"%s\" is missing here: %s", key, kind_words[kind]);
    return NULL;
  }
  if (value->kind == kind) return value;
  wrong(r, value, "\"%s\" must be %s, not %s", key, kind_words[kind], kind_words[value->kind]);
  return NULL;
}

static bool get_text(struct reader *r, const struct why_json *object, const char *key,
                     bool required, char *out, size_t size) {
  const struct why_json *value = member(r, object, key, WHY_JSON_STRING, required);
  if (!value) return r->reason == WHY_OK;
  if (strlen(value->text) >= size)
    return wrong(r, value, "\"%s\" must have at most %zu bytes", key, size - 1);
  if (required && !*value->text) return wrong(r, value, "\"%s\" must not be empty", key);
  strcpy(out, value->text);
  return true;
}

static bool get_note(struct reader *r, const struct why_json *object, const char *key,
                     const char **out) {
  const struct why_json *value = member(r, object, key, WHY_JSON_STRING, false);
  *out = "";
  if (!value) return r->reason == WHY_OK;
  *out = why_intern(r->machine, value->text);
  return **out || !*value->text ? true : no_memory(r);
}

static bool get_whole(struct reader *r, const struct why_json *object, const char *key,
                      bool required, int64_t least, int64_t most, int64_t *out) {
  const struct why_json *value = member(r, object, key, WHY_JSON_NUMBER, required);
  if (!value) return r->reason == WHY_OK;
  int64_t number = value->negative ? -(int64_t)value->magnitude : (int64_t)value->magnitude;
  if (!value->whole || value->magnitude > INT64_MAX || number < least || number > most)
    return wrong(r, value, "\"%s\" must be a whole number from %lld to %lld", key, (long long)least,
                 (long long)most);
  *out = number;
  return true;
}

static bool get_bytes(struct reader *r, const struct why_json *object, const char *key,
                      bool required, uint64_t *out) {
  const struct why_json *value = member(r, object, key, WHY_JSON_NUMBER, required);
  if (!value) return r->reason == WHY_OK;
  if (!value->whole || (value->negative && value->magnitude))
    return wrong(r, value, "\"%s\" must be a whole number of bytes, 0 or more, below 2^64", key);
  *out = value->magnitude;
  return true;
}

static bool get_figure(struct reader *r, const struct why_json *object, const char *key,
                       double *out) {
  const struct why_json *value = member(r, object, key, WHY_JSON_NUMBER, false);
  if (!value) return r->reason == WHY_OK;
  if (value->number < 0) return wrong(r, value, "\"%s\" must be 0 (not known) or more", key);
  *out = value->number + 0.0; // no -0
  return true;
}

// ---- devices -----------------------------------------------------------------------------------

static bool read_field(struct reader *r, const struct why_json *object,
                       const struct why_field *field, struct why_facts *facts) {
  void *at = (char *)facts + field->offset;
  const struct why_json *flag;
  int64_t whole = 0;
  switch (field->kind) {
  case WHY_FIELD_TEXT:
    return get_text(r, object, field->key, field->required, at, field->size);
  case WHY_FIELD_FLAG:
    flag = member(r, object, field->key, WHY_JSON_BOOL, field->required);
    *(int *)at = flag && flag->truth;
    return r->reason == WHY_OK;
  case WHY_FIELD_WHOLE:
    whole = field->least < 0 ? -1 : 0;
    if (!get_whole(r, object, field->key, field->required, field->least, field->most, &whole))
      return false;
    *(int *)at = (int)whole;
    return true;
  case WHY_FIELD_BYTES:
    return get_bytes(r, object, field->key, field->required, at);
  case WHY_FIELD_FIGURE:
    return get_figure(r, object, field->key, at);
  }
  return false;
}

static bool read_features(struct reader *r, const struct why_json *device,
                          struct why_facts *facts) {
  const struct why_json *list = member(r, device, "cpu_features", WHY_JSON_ARRAY, false);
  if (!list) return r->reason == WHY_OK;
  for (const struct why_json *name = list->first; name; name = name->next) {
    if (name->kind != WHY_JSON_STRING)
      return wrong(r, name, "\"cpu_features\" must hold strings, such as \"avx2\"");
    for (const struct why_feature *feature = why_features; feature->name; feature++)
      if (!strcmp(feature->name, name->text)) facts->cpu_features |= feature->bit;
  }
  return true;
}

static bool read_figures(struct reader *r, const struct why_json *device, struct why_facts *facts) {
  const struct why_json *figures = member(r, device, "figures", WHY_JSON_OBJECT, false);
  if (!figures) return r->reason == WHY_OK;
  bool known = false;
  for (const struct why_field *field = why_figure_fields; field->key; field++) {
    if (!read_field(r, figures, field, facts)) return false;
    known |= *(double *)((char *)facts + field->offset) > 0;
  }
  const struct why_json *own = member(r, figures, "provenance", WHY_JSON_STRING, false);
  if (own && strcmp(own->text, r->machine->provenance) != 0)
    return wrong(r, own, "these figures are %s and the file's are %s: one file, one provenance",
                 own->text, r->machine->provenance);
  if (known) strcpy(facts->provenance, r->machine->provenance);
  return r->reason == WHY_OK;
}

static bool read_device(struct reader *r, const struct why_json *device) {
  struct why_machine *machine = r->machine;
  if (device->kind != WHY_JSON_OBJECT)
    return wrong(r, device, "a device must be an object, not %s", kind_words[device->kind]);
  if (machine->devices == WHY_DEVICES)
    return wrong(r, device, "a machine has at most %d devices", WHY_DEVICES);
  struct why_facts *facts = &machine->facts[machine->devices];
  for (const struct why_field *field = why_device_fields; field->key; field++)
    if (!read_field(r, device, field, facts)) return false;
  if (!why_json_get(device, "free_bytes")) facts->free_bytes = facts->memory_bytes;
  if (facts->free_bytes > facts->memory_bytes)
    return wrong(r, why_json_get(device, "free_bytes"),
                 "\"free_bytes\" must be at most \"memory_bytes\"");
  if (facts->host != (machine->devices == 0))
    return wrong(r, device,
                 machine->devices ? "only the first device may have \"host\": true"
                                  : "the first device must have \"host\": true");
  if (!read_features(r, device, facts) || !read_figures(r, device, facts)) return false;
  machine->devices++;
  return true;
}

// ---- backends ----------------------------------------------------------------------------------

static bool read_verdict(struct reader *r, const struct why_json *parent, struct why_verdict *out) {
  const struct why_json *verdict = member(r, parent, "verdict", WHY_JSON_OBJECT, true);
  if (!verdict) return false;
  const struct why_json *reason = member(r, verdict, "reason", WHY_JSON_STRING, true);
  if (!reason) return false;
  out->reason = why_reason_find(reason->text);
  if (out->reason == WHY_REASON_COUNT)
    return wrong(r, reason, "there is no reason \"%.40s\"; `whycpu list reasons` names them",
                 reason->text);
  if (out->reason != WHY_OK && why_could_run(out->reason))
    return wrong(r, reason, "%s is said of a candidate, in a decision; not of a backend or library",
                 reason->text);
  return get_figure(r, verdict, "need", &out->need) && get_figure(r, verdict, "have", &out->have) &&
         get_note(r, verdict, "note", &out->note) && get_note(r, verdict, "cause", &out->cause);
}

static bool read_lacks(struct reader *r, const struct why_json *backend, struct why_slot *slot) {
  const struct why_json *list = member(r, backend, "lacks", WHY_JSON_ARRAY, false);
  if (!list) return r->reason == WHY_OK;
  for (const struct why_json *entry = list->first; entry; entry = entry->next) {
    char op[32], kernel[32], rest;
    if (entry->kind != WHY_JSON_STRING ||
        sscanf(entry->text, "%31s %31s %c", op, kernel, &rest) != 2)
      return wrong(r, entry, "\"lacks\" must hold strings of an op and a kernel: \"gemm mma\"");
    int place = why_kernel_find(op, slot->name, kernel);
    if (place >= 0) slot->lacks[place] = true;
  }
  return true;
}

static bool read_backend(struct reader *r, const struct why_json *backend) {
  if (backend->kind != WHY_JSON_OBJECT)
    return wrong(r, backend, "a backend must be an object, not %s", kind_words[backend->kind]);
  char name[32];
  if (!get_text(r, backend, "name", true, name, sizeof name)) return false;
  for (int i = 0; i < r->machine->slots; i++) {
    struct why_slot *slot = &r->machine->slot[i];
    if (strcmp(slot->name, name) != 0) continue;
    if (slot->tried) return wrong(r, backend, "the backend \"%s\" is listed twice", name);
    slot->tried = true;
    return get_text(r, backend, "version", false, slot->version, sizeof slot->version) &&
           get_text(r, backend, "build", false, slot->build, sizeof slot->build) &&
           read_verdict(r, backend, &slot->verdict) && read_lacks(r, backend, slot);
  }
  return true; // a later version's
}

// ---- answers -----------------------------------------------------------------------------------

static bool read_problem(struct reader *r, const struct why_json *at, const char *op,
                         struct why_answer *answer) {
  char text[1024];
  struct why_error error = {0};
  answer->any = !strcmp(at->text, "*");
  if (answer->any) return true;
  if (snprintf(text, sizeof text, "%s %s", op, at->text) >= (int)sizeof text)
    return wrong(r, at, "\"problem\" is too long");
  if (why_problem_parse(text, &answer->problem, &error) == WHY_OK) return true;
  return wrong(r, at, "\"problem\": %.200s", error.text);
}

// A kernel's place in the catalog, -1 for one of a later version, and a device's in the machine.
static bool read_place(struct reader *r, const struct why_json *object, int *kernel, int *device) {
  const struct why_json *name = member(r, object, "kernel", WHY_JSON_STRING, true);
  const struct why_json *op = name ? member(r, object, "op", WHY_JSON_STRING, true) : NULL;
  int64_t place = -1;
  if (!op || !get_whole(r, object, "device", true, 0, r->machine->devices - 1, &place))
    return false;
  char backend[32] = "", own[32] = "";
  if (sscanf(name->text, "%31[^:]:%31s", backend, own) != 2)
    return wrong(r, name, "\"kernel\" must be a backend and a kernel: \"cublas:lt\"");
  *kernel = why_kernel_find(op->text, backend, own);
  *device = (int)place;
  return true;
}

static bool read_answer(struct reader *r, const struct why_json *object) {
  if (object->kind != WHY_JSON_OBJECT)
    return wrong(r, object, "an answer must be an object, not %s", kind_words[object->kind]);
  struct why_answer answer = {.most_bytes = WHY_UNLIMITED};
  if (!read_place(r, object, &answer.kernel, &answer.device)) return false;
  if (answer.kernel < 0) return true; // a later version's
  const struct why_json *problem = member(r, object, "problem", WHY_JSON_STRING, true);
  if (!problem || !read_problem(r, problem, why_kernel_at(answer.kernel)->op, &answer) ||
      !get_bytes(r, object, "most_bytes", false, &answer.most_bytes) ||
      !get_bytes(r, object, "workspace_bytes", false, &answer.workspace_bytes) ||
      !read_verdict(r, object, &answer.verdict))
    return false;
  return why_answer_add(r->machine, &answer) == WHY_OK ? true : no_memory(r);
}

// ---- fitted costs ------------------------------------------------------------------------------

// A figure without which the costs make no sense.
static bool need_figure(struct reader *r, const struct why_json *object, const char *key,
                        double least, double most, double *out) {
  const struct why_json *value = member(r, object, key, WHY_JSON_NUMBER, true);
  if (!value) return false;
  if (!(value->number >= least && value->number <= most))
    return wrong(r, value, "\"%s\" must be from %g to %g", key, least, most);
  *out = value->number;
  return true;
}

// As many numbers from 0 to `most` as there are `items`: operands, loops.
static bool read_numbers(struct reader *r, const struct why_json *object, const char *key,
                         int count, const char *items, double most, double *out) {
  const struct why_json *list = member(r, object, key, WHY_JSON_ARRAY, true);
  int has = 0;
  if (!list) return false;
  for (const struct why_json *v = list->first; v; v = v->next, has++) {
    if (v->kind != WHY_JSON_NUMBER || !(v->number >= 0 && v->number <= most))
      return wrong(r, v, "\"%s\" must hold numbers from 0 to %g", key, most);
    if (has < count) out[has] = v->number;
  }
  if (has == count) return true;
  return wrong(r, list, "\"%s\" must have %d numbers, one for each of the %s", key, count, items);
}

static bool read_type(struct reader *r, const struct why_json *object, enum why_type *out) {
  const struct why_json *type = member(r, object, "type", WHY_JSON_STRING, true);
  if (!type) return false;
  for (int i = 0; i < WHY_TYPE_COUNT; i++)
    if (!strcmp(type->text, why_type_name((enum why_type)i))) {
      *out = (enum why_type)i;
      return true;
    }
  return wrong(r, type, "there is no type \"%.20s\"", type->text);
}

static bool read_fit(struct reader *r, const struct why_json *object) {
  if (object->kind != WHY_JSON_OBJECT)
    return wrong(r, object, "a fit must be an object, not %s", kind_words[object->kind]);
  if (strcmp(r->machine->provenance, "measured") != 0)
    return wrong(r, object, "a fit is measured and the file's figures are %s: one provenance",
                 r->machine->provenance);
  struct why_fit fit = {0};
  int kernel;
  if (!read_place(r, object, &kernel, &fit.device)) return false;
  if (kernel < 0) return true; // a later version's
  fit.kernel = why_kernel_at(kernel);
  bool host = r->machine->facts[fit.device].host;
  if (host != (why_kernel_on_host(fit.kernel) != 0))
    return wrong(r, why_json_get(object, "device"), "\"%s\" does not run on device %d",
                 fit.kernel->name, fit.device);
  const struct why_op *op = why_op_find(fit.kernel->op);
  int loops = 0;
  while (loops < WHY_LOOPS && op->loop[loops]) loops++;
  int64_t threads = 0, points = 0;
  if (!read_type(r, object, &fit.type) ||
      !get_whole(r, object, "threads", host, host, host ? 4096 : 0, &threads) ||
      !get_whole(r, object, "points", true, 1, 1 << 30, &points) ||
      !need_figure(r, object, "launch_seconds", 0, 1, &fit.cost.launch_seconds) ||
      !need_figure(r, object, "rate", 1, 1e18, &fit.cost.rate) ||
      !need_figure(r, object, "distance", 0, 10, &fit.cost.distance) ||
      !need_figure(r, object, "hidden", 0, 1, &fit.cost.hidden) ||
      !need_figure(r, object, "error", 0, 1e9, &fit.error) ||
      !get_figure(r, object, "edge_seconds", &fit.cost.edge_seconds) ||
      !read_numbers(r, object, "passes", op->operands, "operands", 1e9, fit.cost.passes) ||
      !read_numbers(r, object, "loop_seconds", loops, "loops", 1, fit.cost.loop_seconds))
    return false;
  char form[32] = "";
  if (!get_text(r, object, "form", false, form, sizeof form)) return false;
  fit.form = why_intern(r->machine, form);
  if (strcmp(fit.form, form) != 0) return no_memory(r);
  fit.threads = (int)threads;
  fit.points = (int)points;
  return why_fit_add(r->machine, &fit) == WHY_OK ? true : no_memory(r);
}

// ---- ceilings ----------------------------------------------------------------------------------

static bool read_ceiling(struct reader *r, const struct why_json *object) {
  if (object->kind != WHY_JSON_OBJECT)
    return wrong(r, object, "a ceiling must be an object, not %s", kind_words[object->kind]);
  if (strcmp(r->machine->provenance, "measured") != 0)
    return wrong(r, object, "\"ceilings\" are measured, and the file's facts are %s",
                 r->machine->provenance);
  struct why_ceiling ceiling = {0};
  int64_t device = 0, threads = 0;
  const struct why_json *value = member(r, object, "value", WHY_JSON_NUMBER, true);
  if (!value || !get_whole(r, object, "device", true, 0, r->machine->devices - 1, &device) ||
      !get_whole(r, object, "threads", false, 0, 1 << 20, &threads) ||
      !get_text(r, object, "name", true, ceiling.name, sizeof ceiling.name) ||
      !get_text(r, object, "unit", true, ceiling.unit, sizeof ceiling.unit) ||
      !get_bytes(r, object, "bytes", false, &ceiling.bytes))
    return false;
  if (!(value->number > 0) || !isfinite(value->number))
    return wrong(r, value, "\"value\" must be above 0");
  ceiling.device = (int)device;
  ceiling.threads = (int)threads;
  ceiling.value = value->number;
  return why_machine_ceiling_add(r->machine, &ceiling) == WHY_OK ? true : no_memory(r);
}

// ---- the whole ---------------------------------------------------------------------------------

static bool read_list(struct reader *r, const struct why_json *root, const char *key, bool required,
                      bool (*read)(struct reader *, const struct why_json *)) {
  const struct why_json *list = member(r, root, key, WHY_JSON_ARRAY, required);
  if (!list) return r->reason == WHY_OK;
  if (required && !list->first) return wrong(r, list, "\"%s\" must not be empty", key);
  for (const struct why_json *entry = list->first; entry; entry = entry->next)
    if (!read(r, entry)) return false;
  return true;
}

static bool read_provenance(struct reader *r, const struct why_json *root) {
  struct why_machine *machine = r->machine;
  const struct why_json *from = member(r, root, "provenance", WHY_JSON_OBJECT, true);
  if (!from || !get_text(r, from, "facts", true, machine->provenance, sizeof machine->provenance))
    return false;
  if (strcmp(machine->provenance, "measured") != 0 && strcmp(machine->provenance, "published") != 0)
    return wrong(r, why_json_get(from, "facts"), "\"facts\" must be \"measured\" or \"published\"");
  return get_text(r, from, "time", false, machine->time, sizeof machine->time) &&
         get_text(r, from, "commit", false, machine->commit, sizeof machine->commit) &&
         get_text(r, from, "source", false, machine->source, sizeof machine->source);
}

// "host": "pcie4": device 0 is that machine's, and empty until it is there.
static bool read_host(struct reader *r, const struct why_json *root) {
  struct why_machine *machine = r->machine;
  if (!get_text(r, root, "host", false, machine->host, sizeof machine->host)) return false;
  if (!*machine->host) return true;
  struct why_facts *facts = &machine->facts[machine->devices++];
  *facts = (struct why_facts){.backend = "host", .host = 1, .numa_node = -1};
  snprintf(facts->name, sizeof facts->name, "%s", machine->host);
  return true;
}

static bool read_machine(struct reader *r, const struct why_json *root) {
  if (root->kind != WHY_JSON_OBJECT)
    return wrong(r, root, "a machine file must be an object, not %s", kind_words[root->kind]);
  int64_t schema = 0;
  char kind[32] = "";
  if (!get_whole(r, root, "schema", true, 1, INT64_MAX, &schema)) return false;
  if (schema != WHY_SCHEMA)
    return wrong(r, why_json_get(root, "schema"), "\"schema\" is %lld; this version reads %d",
                 (long long)schema, WHY_SCHEMA);
  if (!get_text(r, root, "kind", true, kind, sizeof kind)) return false;
  if (strcmp(kind, "machine") != 0)
    return wrong(r, why_json_get(root, "kind"), "\"kind\" must be \"machine\"");
  return get_text(r, root, "name", true, r->machine->name, sizeof r->machine->name) &&
         read_host(r, root) && read_provenance(r, root) &&
         read_list(r, root, "devices", true, read_device) &&
         read_list(r, root, "backends", false, read_backend) &&
         read_list(r, root, "answers", false, read_answer) &&
         read_list(r, root, "fits", false, read_fit) &&
         read_list(r, root, "ceilings", false, read_ceiling);
}

// The rest of a file; NULL with the error's text.
static char *read_file(FILE *file, size_t *length, struct reader *r) {
  size_t room = 65536;
  char *text = malloc(room);
  *length = 0;
  while (text && (*length += fread(text + *length, 1, room - *length, file)) == room) {
    char *more = room < MOST_FILE_BYTES ? realloc(text, room *= 2) : NULL;
    if (!more) free(text);
    text = more;
  }
  if (!text && room < MOST_FILE_BYTES) {
    no_memory(r);
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
  struct reader r = {.machine = why_machine_new(), .error = error};
  size_t length;
  if (!r.machine) {
    no_memory(&r);
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
