// A diagnosis as JSON: schema 1 of the doctor's output.
#include "doctor_command.h"
#include "table.h"

static void member(FILE *f, const char *before, const char *key, const char *text) {
  fprintf(f, "%s\"%s\": ", before, key);
  json_string(f, text);
}

static void cause(FILE *f, const struct why_finding *found, bool last) {
  member(f, "\n    {", "id", found->cause->id);
  fprintf(f, ", \"root\": %s,\n     \"evidence\": [", found->root ? "true" : "false");
  for (int i = 0; i < found->evidences; i++) {
    member(f, i ? ",\n                  {" : "{", "path", found->evidence[i].path);
    member(f, ", ", "text", found->evidence[i].text);
    putc('}', f);
  }
  member(f, "],\n     ", "need", found->need);
  member(f, ", ", "have", found->have);
  member(f, ",\n     ", "fix", found->fix);
  fputs(last ? "}" : "},", f);
}

void doctor_json(FILE *f, const struct why_diagnosis *d) {
  member(f, "{\"schema\": 1, ", "asked", d->asked);
  member(f, ",\n ", "verdict", why_verdict_name(d->verdict));
  fputs(",\n \"causes\": [", f);
  for (int i = 0; i < d->founds; i++) cause(f, &d->check[d->found[i]], i == d->founds - 1);
  fputs("],\n \"checks\": [", f);
  for (int i = 0; i < d->checks; i++) {
    const struct why_finding *c = &d->check[i];
    member(f, i ? ",\n    {" : "\n    {", "id", c->cause->id);
    member(f, ", ", "result", why_result_name(c->result));
    member(f, ", ", "why", c->why);
    putc('}', f);
  }
  fputs("]}\n", f);
}
