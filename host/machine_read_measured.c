// What only measured machine files hold: fitted costs and ceilings.
#include "machine_reader.h"
#include <math.h>
#include <string.h>

// ---- fitted costs ------------------------------------------------------------------------------

// A figure without which the costs make no sense.
static bool need_figure(struct why_reader *r, const struct why_json *object, const char *key,
                        double least, double most, double *out) {
  const struct why_json *value = why_reader_member(r, object, key, WHY_JSON_NUMBER, true);
  if (!value) return false;
  if (!(value->number >= least && value->number <= most))
    return why_reader_wrong(r, value, "\"%s\" must be from %g to %g", key, least, most);
  *out = value->number;
  return true;
}

// As many numbers from 0 to `most` as there are `items`: operands, loops.
static bool read_numbers(struct why_reader *r, const struct why_json *object, const char *key,
                         int count, const char *items, double most, double *out) {
  const struct why_json *list = why_reader_member(r, object, key, WHY_JSON_ARRAY, true);
  int has = 0;
  if (!list) return false;
  for (const struct why_json *v = list->first; v; v = v->next, has++) {
    if (v->kind != WHY_JSON_NUMBER || !(v->number >= 0 && v->number <= most))
      return why_reader_wrong(r, v, "\"%s\" must hold numbers from 0 to %g", key, most);
    if (has < count) out[has] = v->number;
  }
  if (has == count) return true;
  return why_reader_wrong(r, list, "\"%s\" must have %d numbers, one for each of the %s", key,
                          count, items);
}

static bool read_type(struct why_reader *r, const struct why_json *object, enum why_type *out) {
  const struct why_json *type = why_reader_member(r, object, "type", WHY_JSON_STRING, true);
  if (!type) return false;
  for (int i = 0; i < WHY_TYPE_COUNT; i++)
    if (!strcmp(type->text, why_type_name((enum why_type)i))) {
      *out = (enum why_type)i;
      return true;
    }
  return why_reader_wrong(r, type, "there is no type \"%.20s\"", type->text);
}

bool why_reader_fit(struct why_reader *r, const struct why_json *object) {
  if (object->kind != WHY_JSON_OBJECT)
    return why_reader_wrong(r, object, "a fit must be an object, not %s",
                            why_json_kind_words[object->kind]);
  if (strcmp(r->machine->provenance, "measured") != 0)
    return why_reader_wrong(r, object,
                            "a fit is measured and the file's figures are %s: one provenance",
                            r->machine->provenance);
  struct why_fit fit = {0};
  int kernel = -1;
  if (!why_reader_place(r, object, &kernel, &fit.device)) return false;
  if (kernel < 0) return true; // a later version's
  fit.kernel = why_kernel_at(kernel);
  bool host = r->machine->facts[fit.device].host;
  if (host != (why_kernel_on_host(fit.kernel) != 0))
    return why_reader_wrong(r, why_json_get(object, "device"), "\"%s\" does not run on device %d",
                            fit.kernel->name, fit.device);
  const struct why_op *op = why_op_find(fit.kernel->op);
  int loops = 0;
  while (loops < WHY_LOOPS && op->loop[loops]) loops++;
  int64_t threads = 0, points = 0;
  if (!read_type(r, object, &fit.type) ||
      !why_reader_whole(r, object, "threads", host, host, host ? 4096 : 0, &threads) ||
      !why_reader_whole(r, object, "points", true, 1, 1 << 30, &points) ||
      !need_figure(r, object, "launch_seconds", 0, 1, &fit.cost.launch_seconds) ||
      !need_figure(r, object, "rate", 1, 1e18, &fit.cost.rate) ||
      !need_figure(r, object, "distance", 0, 10, &fit.cost.distance) ||
      !need_figure(r, object, "hidden", 0, 1, &fit.cost.hidden) ||
      !need_figure(r, object, "error", 0, 1e9, &fit.error) ||
      !why_reader_figure(r, object, "edge_seconds", &fit.cost.edge_seconds) ||
      !why_reader_figure(r, object, "aliased_passes", &fit.cost.aliased_passes) ||
      !why_reader_figure(r, object, "far_passes", &fit.cost.far_passes) ||
      !read_numbers(r, object, "passes", op->operands, "operands", 1e9, fit.cost.passes) ||
      !read_numbers(r, object, "loop_seconds", loops, "loops", 1, fit.cost.loop_seconds))
    return false;
  char form[32] = "";
  if (!why_reader_text(r, object, "form", false, form, sizeof form)) return false;
  fit.form = why_intern(r->machine, form);
  if (strcmp(fit.form, form) != 0) return why_reader_no_memory(r);
  fit.threads = (int)threads;
  fit.points = (int)points;
  return why_fit_add(r->machine, &fit) == WHY_OK ? true : why_reader_no_memory(r);
}

// ---- ceilings ----------------------------------------------------------------------------------

bool why_reader_ceiling(struct why_reader *r, const struct why_json *object) {
  if (object->kind != WHY_JSON_OBJECT)
    return why_reader_wrong(r, object, "a ceiling must be an object, not %s",
                            why_json_kind_words[object->kind]);
  if (strcmp(r->machine->provenance, "measured") != 0)
    return why_reader_wrong(r, object, "\"ceilings\" are measured, and the file's facts are %s",
                            r->machine->provenance);
  struct why_ceiling ceiling = {0};
  int64_t device = 0, threads = 0;
  const struct why_json *value = why_reader_member(r, object, "value", WHY_JSON_NUMBER, true);
  if (!value || !why_reader_whole(r, object, "device", true, 0, r->machine->devices - 1, &device) ||
      !why_reader_whole(r, object, "threads", false, 0, 1 << 20, &threads) ||
      !why_reader_text(r, object, "name", true, ceiling.name, sizeof ceiling.name) ||
      !why_reader_text(r, object, "unit", true, ceiling.unit, sizeof ceiling.unit) ||
      !why_reader_bytes(r, object, "bytes", false, &ceiling.bytes))
    return false;
  if (!(value->number > 0) || !isfinite(value->number))
    return why_reader_wrong(r, value, "\"value\" must be above 0");
  ceiling.device = (int)device;
  ceiling.threads = (int)threads;
  ceiling.value = value->number;
  return why_machine_ceiling_add(r->machine, &ceiling) == WHY_OK ? true : why_reader_no_memory(r);
}
