// Reading the command line with getopt_long. What it asks for is turned into a machine, a problem
// and requests in requests.c.
#include "options.h"
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

// Read by hand below: their values are lists or belong to struct options.
enum {
  COMMON_MACHINE = 256,
  COMMON_EMULATE,
  COMMON_POLICY,
  COMMON_MEMORY,
  COMMON_PLAN,
  COMMON_PINNED,
  COMMON_THREADS,
  COMMON_KERNEL,
  COMMON_TRANSFER,
  COMMON_CACHE,
  COMMON_SUBMIT,
  COMMON_ITERATIONS,
  COMMON_FORMAT,
  COMMON_VERSION,
  COMMON_OWN // the command's own rows follow
};

static const struct {
  const char *name, *value;
  int code;
  unsigned set; // 0: every command has it
  const char *help;
} common[] = {
    // clang-format off
    {"machine",       "NAME|FILE",   COMMON_MACHINE,    OPTION_MACHINE,  "decide for a machine that is not here: l4, l4@pcie3 (whycpu list machines)"},
    {"emulate",       "[=MEMORY]",   COMMON_EMULATE,    OPTION_EMULATE,  "a GPU emulated on the CPU, of 1GiB unless told: results, never times"},
    {"policy",        "LIST",        COMMON_POLICY,     OPTION_POLICY,   "auto, gpu-first, gpu-only, cpu-only, or a kernel: cuda:mma"},
    {"device-memory", "LIST",        COMMON_MEMORY,     OPTION_MEMORY,   "what a device may hold: 64MiB, 2GiB, 50%, none"},
    {"plan",          "LIST",        COMMON_PLAN,       OPTION_PLAN,     "plans to allow: any, or of resident, streamed, on-host"},
    {"pinned-memory", "SIZE",        COMMON_PINNED,     OPTION_PLAN,     "what staging buffers may hold: 64MiB, 10%, none"},
    {"threads",       "LIST",        COMMON_THREADS,    OPTION_THREADS,  "CPU threads: numbers, or all"},
    {"kernel",        "BACKEND:NAME",COMMON_KERNEL,     OPTION_KERNEL,   "this kernel and no other (whycpu list kernels)"},
    {"transfer",      "LIST",        COMMON_TRANSFER,   OPTION_TRANSFER, "operands are copied once, always, or live in unified memory"},
    {"cache",         "LIST",        COMMON_CACHE,      OPTION_CACHE,    "what the caches hold at first: hot, the operands; cold, none of them"},
    {"submit",        "LIST",        COMMON_SUBMIT,     OPTION_SUBMIT,   "a GPU is given a request's calls one by one, or captured as one graph"},
    {"iterations",    "LIST",        COMMON_ITERATIONS, OPTION_TRANSFER, "calls on the same operands, 1 unless told"},
    {"format",        "FORMAT",      COMMON_FORMAT,     0,               "text, csv or json"},
    {"output",        "FILE",        'o',               0,               "write to FILE, not to standard output"},
    {"help",          NULL,          'h',               0,               "this text"},
    {"version",       NULL,          COMMON_VERSION,    0,               "version and commit"},
    // clang-format on
};
enum { COMMONS = sizeof common / sizeof common[0], OWN = 16, LONGS = COMMONS + OWN };

static bool takes_common(const struct command_help *command, int i) {
  return !common[i].set || (command->common & common[i].set);
}

// ---- help -------------------------------------------------------------------------------------

static void help_row(const char *short_name, const char *name, const char *value,
                     const char *help) {
  char left[48];
  bool optional = value && value[0] == '[';
  snprintf(left, sizeof left, "%s--%s%s%s", short_name, name, value && !optional ? " " : "",
           value ? value : "");
  printf("  %-30s %s\n", left, help);
}

static void print_help(const struct command_help *command) {
  printf("usage: whycpu %s\n\n%s\n\noptions:\n", command->usage, command->text);
  for (const struct option_row *row = command->row; row && row->name; row++)
    help_row("", row->name, row->value, row->help);
  for (int i = 0; i < COMMONS; i++)
    if (takes_common(command, i))
      help_row(common[i].code == 'o' ? "-o, " : "", common[i].name, common[i].value,
               common[i].help);
}

// ---- lists ------------------------------------------------------------------------------------

typedef bool item_reader(struct options *, const char *item, struct why_error *);

// Calls `read` for each part between commas.
static bool read_list(struct options *o, const char *text, item_reader *read,
                      struct why_error *wrong) {
  char item[256];
  for (const char *at = text;; at++) {
    size_t length = strcspn(at, ",");
    if (length == 0 || length >= sizeof item) {
      snprintf(wrong->text, sizeof wrong->text, "an item of the list is %s",
               length ? "too long" : "empty");
      return false;
    }
    memcpy(item, at, length);
    item[length] = 0;
    if (!read(o, item, wrong)) return false;
    at += length;
    if (!*at) return true;
  }
}

// Full lists are refused: nothing is dropped silently.
static bool room(int used, int most, struct why_error *wrong) {
  if (used < most) return true;
  snprintf(wrong->text, sizeof wrong->text, "at most %d are taken", most);
  return false;
}

// The index of `item` among names 0..count-1, or -1 with what would be right.
static int find_name(const char *item, const char *(*name)(int), int count,
                     struct why_error *wrong) {
  const char *choice[32];
  for (int i = 0; i < count; i++) {
    choice[i] = name(i);
    if (!strcmp(item, choice[i])) return i;
  }
  char near[160];
  nearest(item, choice, count, near, sizeof near);
  snprintf(wrong->text, sizeof wrong->text, "'%.60s' is not known; %s", item, near);
  return -1;
}

static const char *policy_name(int i) {
  return why_policy_name((enum why_policy)i);
}
static const char *transfer_name(int i) {
  return why_transfer_name((enum why_transfer)i);
}
static const char *cache_name(int i) {
  return why_cache_name((enum why_cache)i);
}
static const char *submit_name(int i) {
  return why_submit_name((enum why_submit)i);
}
static const char *plan_name(int i) {
  return i < WHY_PLAN_COUNT ? why_plan_name((enum why_plan)i) : "any";
}
static const char *format_name(int i) {
  static const char *const name[] = {"text", "csv", "json"};
  return name[i];
}

// The first row of that name: "backend:name" may be a kernel of several ops.
static const struct why_kernel *find_kernel(const char *text, struct why_error *wrong) {
  enum { MOST = 128 };
  const char *choice[MOST];
  char name[MOST][48], near[200];
  int choices = 0;
  for (int i = 0; i < why_kernel_count() && choices < MOST; i++) {
    const struct why_kernel *kernel = why_kernel_at(i);
    snprintf(name[choices], sizeof name[0], "%s:%s", kernel->backend, kernel->name);
    if (!strcmp(text, name[choices])) return kernel;
    choice[choices] = name[choices];
    choices++;
  }
  nearest(text, choice, choices, near, sizeof near);
  snprintf(wrong->text, sizeof wrong->text, "no such kernel; %.120s%s", near,
           near[0] == 'd' ? "" : "... (whycpu list kernels)");
  return NULL;
}

static bool policy_item(struct options *o, const char *item, struct why_error *wrong) {
  struct option_policy policy = {WHY_AUTO, NULL};
  if (!room(o->policies, OPTION_LIST, wrong)) return false;
  if (strchr(item, ':')) {
    policy.kernel = find_kernel(item, wrong);
    if (!policy.kernel) return false;
  } else {
    int found = find_name(item, policy_name, WHY_POLICY_COUNT, wrong);
    if (found < 0) return false;
    policy.policy = (enum why_policy)found;
  }
  for (int i = 0; i < o->policies; i++)
    if (o->policy[i].policy == policy.policy && o->policy[i].kernel == policy.kernel)
      return true; // named twice
  o->policy[o->policies++] = policy;
  return true;
}

static bool transfer_item(struct options *o, const char *item, struct why_error *wrong) {
  int found = find_name(item, transfer_name, WHY_TRANSFER_COUNT, wrong);
  if (found < 0) return false;
  for (int i = 0; i < o->transfers; i++)
    if (o->transfer[i] == (enum why_transfer)found) return true;
  o->transfer[o->transfers++] = (enum why_transfer)found;
  return true;
}

static bool cache_item(struct options *o, const char *item, struct why_error *wrong) {
  int found = find_name(item, cache_name, WHY_CACHE_COUNT, wrong);
  if (found < 0) return false;
  for (int i = 0; i < o->caches; i++)
    if (o->cache[i] == (enum why_cache)found) return true;
  o->cache[o->caches++] = (enum why_cache)found;
  return true;
}

static bool submit_item(struct options *o, const char *item, struct why_error *wrong) {
  int found = find_name(item, submit_name, WHY_SUBMIT_COUNT, wrong);
  if (found < 0) return false;
  for (int i = 0; i < o->submits; i++)
    if (o->submit[i] == (enum why_submit)found) return true;
  o->submit[o->submits++] = (enum why_submit)found;
  return true;
}

static bool memory_item(struct options *o, const char *item, struct why_error *wrong) {
  if (!room(o->memories, OPTION_LIST, wrong)) return false;
  struct why_error why = {0};
  if (!read_amount(item, &o->memory[o->memories], &why)) {
    snprintf(wrong->text, sizeof wrong->text, "'%.40s': %.200s", item, why.text);
    return false;
  }
  o->memories++;
  return true;
}

// A list is one set of plans, not several requests.
static bool plan_item(struct options *o, const char *item, struct why_error *wrong) {
  int found = find_name(item, plan_name, WHY_PLAN_COUNT + 1, wrong);
  if (found < 0) return false;
  o->plans |= found < WHY_PLAN_COUNT ? 1u << found : (1u << WHY_PLAN_COUNT) - 1;
  return true;
}

static bool threads_item(struct options *o, const char *item, struct why_error *wrong) {
  enum { MOST = 4096 };
  if (!room(o->thread_counts, OPTION_LIST, wrong)) return false;
  int64_t threads = 0;
  struct why_error why;
  if (strcmp(item, "all") != 0 && (!read_count(item, &threads, &why) || threads > MOST)) {
    snprintf(wrong->text, sizeof wrong->text, "'%.40s': a number from 1 to %d, or all", item, MOST);
    return false;
  }
  o->threads[o->thread_counts++] = threads;
  return true;
}

static bool iterations_item(struct options *o, const char *item, struct why_error *wrong) {
  if (!room(o->iteration_counts, OPTION_LIST, wrong)) return false;
  return read_count(item, &o->iterations[o->iteration_counts++], wrong);
}

// ---- options ----------------------------------------------------------------------------------

static bool take_common(struct options *o, int code, const char *text, struct why_error *wrong) {
  int found;
  switch (code) {
  case COMMON_MACHINE:
    return read_text(text, &o->machine, wrong);
  case COMMON_EMULATE:
    o->open.emulate_bytes = 1ull << 30;
    if (text && !read_bytes(text, &o->open.emulate_bytes, wrong)) return false;
    if (o->open.emulate_bytes > 0) return true;
    snprintf(wrong->text, sizeof wrong->text, "a device without memory is none");
    return false;
  case COMMON_POLICY:
    return read_list(o, text, policy_item, wrong);
  case COMMON_MEMORY:
    return read_list(o, text, memory_item, wrong);
  case COMMON_PLAN:
    return read_list(o, text, plan_item, wrong);
  case COMMON_PINNED:
    return read_amount(text, &o->pinned, wrong);
  case COMMON_THREADS:
    return read_list(o, text, threads_item, wrong);
  case COMMON_KERNEL:
    if (!find_kernel(text, wrong)) return false;
    o->kernel = text;
    return true;
  case COMMON_TRANSFER:
    return read_list(o, text, transfer_item, wrong);
  case COMMON_CACHE:
    return read_list(o, text, cache_item, wrong);
  case COMMON_SUBMIT:
    return read_list(o, text, submit_item, wrong);
  case COMMON_ITERATIONS:
    return read_list(o, text, iterations_item, wrong);
  case COMMON_FORMAT:
    found = find_name(text, format_name, 3, wrong);
    o->format = found < 0 ? TABLE_TEXT : (enum table_format)found;
    o->format_given = true;
    return found >= 0;
  default: // 'o'
    return read_text(text, &o->output, wrong);
  }
}

static int unknown_option(const struct option *option, int options, const char *word) {
  const char *choice[LONGS];
  char bare[64], near[512];
  for (int i = 0; i < options; i++) choice[i] = option[i].name;
  snprintf(bare, sizeof bare, "%.*s", (int)strcspn(word + strspn(word, "-"), "="),
           word + strspn(word, "-"));
  if (!strcmp(bare, "machine"))
    return request_wrong(
        "--machine: a machine that is not here can be decided for (whycpu explain) "
        "and nothing can run on it");
  nearest(bare, choice, options, near, sizeof near);
  return request_wrong("%s: no such option; %s", word, near);
}

static int finish(struct options *o) {
  if (o->policies) o->given |= OPTION_POLICY;
  if (o->memories) o->given |= OPTION_MEMORY;
  if (o->thread_counts) o->given |= OPTION_THREADS;
  if (o->transfers) o->given |= OPTION_TRANSFER;
  if (o->plans == (1u << WHY_PLAN_COUNT) - 1) o->plans = 0;
  if (!o->policies) o->policy[o->policies++] = (struct option_policy){WHY_AUTO, NULL};
  if (!o->transfers) o->transfer[o->transfers++] = WHY_ONCE;
  if (!o->caches) o->cache[o->caches++] = WHY_HOT;
  if (!o->submits) o->submit[o->submits++] = WHY_CALLS;
  if (!o->memories) o->memory[o->memories++] = (struct amount){.bytes = WHY_UNLIMITED};
  if (!o->thread_counts) o->threads[o->thread_counts++] = 0;
  if (!o->iteration_counts) o->iterations[o->iteration_counts++] = 1;
  if (o->machine && o->open.emulate_bytes)
    return request_wrong("--machine and --emulate exclude each other: a machine file is decided "
                         "for, an emulated device runs");
  const char *sm = getenv("WHYCPU_EMULATE_SM");
  if (!sm || !o->open.emulate_bytes) return STATUS_GO_ON;
  int64_t capability;
  struct why_error why;
  if (!read_count(sm, &capability, &why) || capability < 50 || capability > 150)
    return request_wrong("WHYCPU_EMULATE_SM=%s: a capability is wanted, such as 80 or 90", sm);
  o->open.emulate_capability = (int)capability;
  return STATUS_GO_ON;
}

int options_read(int argc, char **argv, const struct command_help *command, struct options *o) {
  struct option option[LONGS + 1] = {0};
  int options = 0, owns = 0, status = STATUS_GO_ON;
  *o = (struct options){.kernel = "", .pinned = {.bytes = WHY_UNLIMITED}};
  for (const struct option_row *row = command->row; row && row->name && owns < OWN; row++, owns++)
    option[options++] = (struct option){row->name,
                                        !row->value            ? no_argument
                                        : row->value[0] == '[' ? optional_argument
                                                               : required_argument,
                                        NULL, COMMON_OWN + owns};
  for (int i = 0; i < COMMONS; i++)
    if (takes_common(command, i))
      option[options++] = (struct option){common[i].name,
                                          !common[i].value            ? no_argument
                                          : common[i].value[0] == '[' ? optional_argument
                                                                      : required_argument,
                                          NULL, common[i].code};
  opterr = 0;
  optind = 0; // glibc: begins anew
  for (int code;
       status == STATUS_GO_ON && (code = getopt_long(argc, argv, ":o:h", option, NULL)) != -1;) {
    struct why_error wrong = {0};
    bool well = true;
    const char *name = "";
    for (int i = 0; i < options; i++)
      if (option[i].val == code) name = option[i].name;
    if (code == 'h') {
      print_help(command);
      status = STATUS_OK;
    } else if (code == COMMON_VERSION) {
      printf("whycpu %s (%s)\n", program_version, program_commit);
      status = STATUS_OK;
    } else if (code == ':') {
      status = request_wrong("%s wants a value (whycpu %s --help)", argv[optind - 1], argv[0]);
    } else if (code == '?') {
      char letter[3] = {'-', (char)optopt, 0};
      bool flag = false; // a known flag that was given a value
      for (int i = 0; i < options; i++) flag = flag || (optopt > 'z' && option[i].val == optopt);
      status = flag ? request_wrong("%s: this option takes no value", argv[optind - 1])
                    : unknown_option(option, options,
                                     optopt > 0 && optopt <= 'z' ? letter : argv[optind - 1]);
    } else if (code >= COMMON_OWN) {
      const struct option_row *row = &command->row[code - COMMON_OWN];
      well = row->read(optarg, row->to, &wrong);
    } else {
      well = take_common(o, code, optarg, &wrong);
    }
    if (!well) status = request_wrong("--%s %s: %s", name, optarg ? optarg : "", wrong.text);
  }
  o->argument = argv + optind;
  o->arguments = argc - optind;
  return status == STATUS_GO_ON ? finish(o) : status;
}
