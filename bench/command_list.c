// `whycpu list`: what the program knows by itself. Opens no backend and looks at no hardware.
#include "csv.h"
#include "doctor.h"
#include "machines.h"
#include "options.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static struct table *open_table(const struct options *o, FILE *file,
                                const struct table_column *column, size_t columns) {
  return table_open(file, o->format, column, (int)columns);
}
#define OPEN(o, file, column) open_table(o, file, column, sizeof(column) / sizeof((column)[0]))

// "f64 f32" of the bits 1 << why_type.
static void types_text(uint32_t types, char *out, size_t size) {
  out[0] = 0;
  for (int i = 0; i < WHY_TYPE_COUNT; i++) {
    if (!(types & 1u << i)) continue;
    size_t used = strlen(out);
    snprintf(out + used, size - used, "%s%s", used ? " " : "", why_type_name((enum why_type)i));
  }
}

// ---- what the catalog has -----------------------------------------------------------------------

static void ops_operand(struct table *t, const struct why_op *op, int operand) {
  static const char *const role[] = {
      [WHY_IN] = "read", [WHY_OUT] = "written", [WHY_INOUT] = "read and written"};
  struct why_problem problem;
  why_problem_default(op, &problem);
  table_string(t, op->name);
  table_string(t, "operand");
  table_string(t, op->operand[operand]);
  table_none(t);
  table_none(t);
  table_none(t);
  table_string(t, role[op->role(&problem, operand)]);
}

// "nchw, nhwc" of a param's words.
static void choices_text(const struct why_param *param, char *out, size_t size) {
  size_t used = 0;
  for (const char *c = param->choices; *c && used + 2 < size; c++) {
    if (*c == ' ') out[used++] = ',';
    out[used++] = *c;
  }
  out[used] = 0;
}

// The range and the default are numbers, or the default one of the words.
static void ops_values(struct table *t, const struct why_param *param) {
  bool whole = param->kind == WHY_INTEGER;
  if (whole)
    table_integer(t, param->least);
  else
    table_none(t);
  if (whole && param->most != INT64_MAX)
    table_integer(t, param->most);
  else
    table_none(t);
  if (param->otherwise == WHY_REQUIRED) {
    table_none(t);
  } else if (param->kind == WHY_CHOICE) {
    char word[64];
    const char *at = param->choices;
    for (int64_t i = 0; i < param->otherwise; i++) at += strcspn(at, " ") + 1;
    snprintf(word, sizeof word, "%.*s", (int)strcspn(at, " "), at);
    table_string(t, word);
  } else {
    table_integer(t, param->otherwise);
  }
}

static void ops_param(struct table *t, const struct why_op *op, const struct why_param *param) {
  static const char *const kind[] = {
      [WHY_INTEGER] = "integer", [WHY_REAL] = "number", [WHY_CHOICE] = "choice"};
  char help[256];
  int used = snprintf(help, sizeof help, "%s", param->help);
  if (param->kind == WHY_CHOICE) {
    used += snprintf(help + used, sizeof help - (size_t)used, ": ");
    choices_text(param, help + used, sizeof help - (size_t)used);
  }
  table_string(t, op->name);
  table_string(t, kind[param->kind]);
  table_string(t, param->name);
  ops_values(t, param);
  table_string(t, help);
}

static struct table *list_ops(const struct options *o, FILE *file) {
  static const struct table_column column[] = {{"op"},   {"kind"},    {"name"}, {"least"},
                                               {"most"}, {"default"}, {"help"}};
  struct table *t = OPEN(o, file, column);
  for (int i = 0; t && i < why_op_count(); i++) {
    const struct why_op *op = why_op_at(i);
    char types[64], help[256];
    types_text(op->types, types, sizeof types);
    snprintf(help, sizeof help, "%s; type=%s", op->help, types);
    table_string(t, op->name);
    table_string(t, "op");
    for (int j = 0; j < 4; j++) table_none(t);
    table_string(t, help);
    for (int j = 0; j < op->operands; j++) ops_operand(t, op, j);
    for (int j = 0; j < op->params; j++) ops_param(t, op, &op->param[j]);
  }
  return t;
}

static struct table *list_kernels(const struct options *o, FILE *file) {
  static const struct table_column column[] = {{"op"},         {"kernel"},   {"device"}, {"types"},
                                               {"capability"}, {"multiple"}, {"help"}};
  struct table *t = OPEN(o, file, column);
  for (int i = 0; t && i < why_kernel_count(); i++) {
    const struct why_kernel *kernel = why_kernel_at(i);
    char types[64], name[64];
    types_text(kernel->types, types, sizeof types);
    snprintf(name, sizeof name, "%s:%s", kernel->backend, kernel->name);
    table_string(t, kernel->op);
    table_string(t, name);
    table_string(t, kernel->device);
    table_string(t, types);
    if (kernel->capability)
      table_integer(t, kernel->capability);
    else
      table_none(t);
    if (kernel->multiple > 1)
      table_integer(t, kernel->multiple);
    else
      table_none(t);
    table_string(t, kernel->help);
  }
  return t;
}

static struct table *list_reasons(const struct options *o, FILE *file) {
  static const struct table_column column[] = {{"reason"}, {"unit"}, {"sentence"}};
  struct table *t = OPEN(o, file, column);
  for (int i = 0; t && i < WHY_REASON_COUNT; i++) {
    table_string(t, why_name((enum why_reason)i));
    table_string(t, why_unit((enum why_reason)i));
    table_string(t, why_sentence((enum why_reason)i));
  }
  return t;
}

static struct table *list_causes(const struct options *o, FILE *file) {
  static const struct table_column column[] = {{"cause"}, {"sentence"}, {"fix"}, {"level"}};
  struct table *t = OPEN(o, file, column);
  for (int i = 0; t && i < why_cause_count(); i++) {
    const struct why_cause *cause = why_cause_at(i);
    table_string(t, cause->id);
    table_string(t, cause->sentence);
    table_string(t, cause->fix);
    table_string(t, why_level_name(cause->level));
  }
  return t;
}

static struct table *list_types(const struct options *o, FILE *file) {
  static const struct table_column column[] = {{"type"}, {"bytes"}, {"math"}, {"help"}};
  static const char *const help[WHY_TYPE_COUNT] = {
      [WHY_F64] = "IEEE 754 binary64",
      [WHY_F32] = "IEEE 754 binary32",
      [WHY_F16] = "IEEE 754 binary16",
      [WHY_BF16] = "the upper half of a binary32: its range, 8 bits of precision"};
  struct table *t = OPEN(o, file, column);
  for (int i = 0; t && i < WHY_TYPE_COUNT; i++) {
    table_string(t, why_type_name((enum why_type)i));
    table_integer(t, (int64_t)why_type_bytes((enum why_type)i));
    table_string(t, why_math_name(why_math_of((enum why_type)i)));
    table_string(t, help[i]);
  }
  return t;
}

static struct table *list_columns(const struct options *o, FILE *file) {
  static const struct table_column column[] = {{"column"}, {"kind"}, {"help"}};
  static const char *const kind[] = {
      [CSV_TEXT] = "text", [CSV_REAL] = "number", [CSV_WHOLE] = "integer", [CSV_BYTES] = "bytes"};
  struct table *t = OPEN(o, file, column);
  for (int i = 0; t && i < CSV_COLUMNS; i++) {
    table_string(t, csv_column[i].name);
    table_string(t, kind[csv_column[i].kind]);
    table_string(t, csv_column[i].help);
  }
  return t;
}

static struct table *list_plan(const struct options *o, FILE *file) {
  static const struct table_column column[] = {{"column"}, {"help"}};
  static const char *const row[][2] = {
#define X(column, help) {#column, help},
#include "plan_columns.def"
#undef X
  };
  struct table *t = OPEN(o, file, column);
  for (size_t i = 0; t && i < sizeof row / sizeof row[0]; i++) {
    table_string(t, row[i][0]);
    table_string(t, row[i][1]);
  }
  return t;
}

// ---- what is shipped with it --------------------------------------------------------------------

// The first line of a suite that is a comment, without its mark.
static void first_comment(const char *path, char *out, size_t size) {
  char line[512];
  FILE *file = fopen(path, "r");
  out[0] = 0;
  if (file && fgets(line, sizeof line, file) && line[0] == '#')
    snprintf(out, size, "%s", line + strspn(line, "# \t"));
  out[strcspn(out, "\r\n")] = 0;
  if (file) fclose(file);
}

static struct table *list_suites(const struct options *o, FILE *file) {
  static const struct table_column column[] = {{"suite"}, {"help"}};
  char *name[OPTION_LIST], folder[PATH_MAX] = "", path[PATH_MAX + 128], help[512];
  int names = data_names("suites", ".suite", name, OPTION_LIST);
  struct table *t = OPEN(o, file, column);
  data_path("suites", folder, sizeof folder);
  for (int i = 0; t && i < names; i++) {
    snprintf(path, sizeof path, "%s/%.100s.suite", folder, name[i]);
    first_comment(path, help, sizeof help);
    table_string(t, name[i]);
    table_string(t, help);
  }
  data_free(name, names);
  return t;
}

// Up to the end of the first sentence of where a machine file comes from.
static void first_sentence(const char *source, char *out, size_t size) {
  const char *end = strstr(source, ". ");
  int length = end ? (int)(end - source) : (int)strlen(source);
  snprintf(out, size, "%.*s", length, source);
}

// A machine's first GPU, or its CPU where it has none.
static void machine_row(struct table *t, const char *name, const struct why_machine *machine) {
  int gpu = machine_gpu(machine);
  const struct why_facts *facts = why_machine_device(machine, gpu < 0 ? 0 : gpu);
  char help[512];
  first_sentence(why_machine_source(machine), help, sizeof help);
  table_string(t, name);
  table_integer(t, why_machine_devices(machine) - 1);
  table_string(t, facts->name);
  table_unsigned(t, facts->memory_bytes);
  table_string(t, why_machine_device(machine, 0)->name);
  table_string(t, facts->provenance);
  table_string(t, *help ? help : NULL);
}

static struct table *list_machines(const struct options *o, FILE *file) {
  static const struct table_column column[] = {
      {"machine"}, {"gpus"},    {"device"}, {"memory_bytes", TABLE_BYTES},
      {"host"},    {"figures"}, {"help"}};
  char *name[MACHINE_NAMES];
  int names = machine_names(name);
  struct table *t = OPEN(o, file, column);
  for (int i = 0; t && i < names; i++) {
    struct why_machine *machine = NULL;
    if (machine_open(name[i], name[i], &machine) == STATUS_OK) machine_row(t, name[i], machine);
    why_close(machine);
  }
  data_free(name, names);
  return t;
}

// ---- the command ------------------------------------------------------------------------------

static const struct {
  const char *name;
  struct table *(*list)(const struct options *, FILE *);
  const char *help;
} topic[] = {
    // clang-format off
    {"ops",      list_ops,      "what can be computed: operands, and every key of a problem"},
    {"kernels",  list_kernels,  "the ways to compute it, and what each needs"},
    {"reasons",  list_reasons,  "why a candidate does not run, in the order of checking"},
    {"causes",   list_causes,   "what is wrong with a machine without a usable GPU, and its fix"},
    {"suites",   list_suites,   "lists of problems for whycpu bench"},
    {"machines", list_machines, "published and recorded machines for --machine; NAME@HOST puts a GPU elsewhere"},
    {"columns",  list_columns,  "of the CSV that whycpu bench writes"},
    {"plan",     list_plan,     "columns of the CSV that whycpu plan writes"},
    {"types",    list_types,    "how operands are stored, and the arithmetic each asks for"},
    // clang-format on
};
enum { TOPICS = sizeof topic / sizeof topic[0] };

static struct table *list_topics(const struct options *o, FILE *file) {
  static const struct table_column column[] = {{"list"}, {"help"}};
  struct table *t = OPEN(o, file, column);
  for (int i = 0; t && i < TOPICS; i++) {
    table_string(t, topic[i].name);
    table_string(t, topic[i].help);
  }
  return t;
}

int list_command(int argc, char **argv) {
  static const struct command_help help = {
      .usage = "list [ops|kernels|reasons|causes|suites|machines|columns|plan|types] [options]",
      .text = "What the program knows. Without a word: which lists there are. Opens no backend.\n\n"
              "  whycpu list ops\n"
              "  whycpu list kernels --format csv"};
  struct options o;
  struct output out;
  int status = options_read(argc, argv, &help, &o);
  if (status != STATUS_GO_ON) return status;
  struct table *(*list)(const struct options *, FILE *) = o.arguments ? NULL : list_topics;
  const char *choice[TOPICS];
  for (int i = 0; i < TOPICS; i++) {
    choice[i] = topic[i].name;
    if (o.arguments && !strcmp(o.argument[0], choice[i])) list = topic[i].list;
  }
  if (!list) {
    char near[256];
    nearest(o.argument[0], choice, TOPICS, near, sizeof near);
    return request_wrong("%s: no such list; %s", o.argument[0], near);
  }
  if (o.arguments > 1) return request_wrong("%s: one list at a time", o.argument[1]);
  if ((status = output_open(o.output, &out)) != STATUS_OK) return status;
  return output_table(&out, list(&o, out.file));
}
