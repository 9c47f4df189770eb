#include "elf_writer.h"
#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ADDRESS = 0x10000 }; // where the file's first byte is loaded

struct out {
  unsigned char *bytes;
  size_t at;
  bool big, wide;
};

static void put(struct out *out, int width, uint64_t value) {
  if (out->at + (size_t)width > ELF_PLAN_MOST) abort();
  for (int i = 0; i < width; i++)
    out->bytes[out->at++] = (unsigned char)(value >> 8 * (out->big ? width - 1 - i : i));
}

static void put_word(struct out *out, uint64_t value) {
  put(out, out->wide ? 8 : 4, value);
}

static void put_bytes(struct out *out, const void *bytes, size_t length) {
  if (out->at + length > ELF_PLAN_MOST) abort();
  if (length) memcpy(out->bytes + out->at, bytes, length);
  out->at += length;
}

static void align(struct out *out) {
  while (out->at % 16) put(out, 1, 0);
}

struct strings {
  char text[4096];
  size_t length;
};

static uint64_t string(struct strings *strings, const char *text) {
  size_t at = strings->length, length = strlen(text) + 1;
  if (at + length > sizeof strings->text) abort();
  memcpy(strings->text + at, text, length);
  strings->length += length;
  return at;
}

static void put_entry(struct out *out, uint64_t tag, uint64_t value) {
  put_word(out, tag);
  put_word(out, value);
}

static void put_segment(struct out *out, uint32_t type, size_t offset, size_t length) {
  put(out, 4, type);
  if (out->wide) put(out, 4, PF_R);
  put_word(out, offset);
  put_word(out, ADDRESS + offset);
  put_word(out, ADDRESS + offset);
  put_word(out, length);
  put_word(out, length);
  if (!out->wide) put(out, 4, PF_R);
  put_word(out, 16);
}

static void put_section(struct out *out, uint32_t name, uint32_t type, size_t offset,
                        size_t length) {
  put(out, 4, name);
  put(out, 4, type);
  put_word(out, 0);
  put_word(out, 0);
  put_word(out, offset);
  put_word(out, length);
  put(out, 4, 0);
  put(out, 4, 0);
  put_word(out, 1);
  put_word(out, 0);
}

static void put_header(struct out *out, const struct elf_plan *plan, size_t sections_at) {
  const unsigned char ident[EI_NIDENT] = {0x7f,
                                          'E',
                                          'L',
                                          'F',
                                          out->wide ? ELFCLASS64 : ELFCLASS32,
                                          out->big ? ELFDATA2MSB : ELFDATA2LSB,
                                          EV_CURRENT};
  put_bytes(out, ident, sizeof ident);
  put(out, 2, ET_DYN);
  put(out, 2, (uint64_t)(plan->machine ? plan->machine : EM_X86_64));
  put(out, 4, EV_CURRENT);
  put_word(out, 0);
  put_word(out, out->wide ? 64 : 52);
  put_word(out, sections_at);
  put(out, 4, 0);
  put(out, 2, out->wide ? 64 : 52);
  put(out, 2, out->wide ? 56 : 32);
  put(out, 2, 2);
  put(out, 2, out->wide ? 64 : 40);
  put(out, 2, sections_at ? 3 : 0);
  put(out, 2, sections_at ? 1 : 0);
}

size_t elf_write(const struct elf_plan *plan, unsigned char bytes[ELF_PLAN_MOST]) {
  struct out out = {.bytes = bytes, .big = plan->big, .wide = plan->elf_class != 32};
  struct strings strings = {.length = 1};
  out.at = out.wide ? 64 + 2 * 56 : 52 + 2 * 32; // the headers come last: then all is known
  align(&out);
  size_t needs = out.at;
  if (plan->of) {
    uint64_t name = string(&strings, plan->version);
    put(&out, 2, 1), put(&out, 2, 1), put(&out, 4, string(&strings, plan->of));
    put(&out, 4, 16), put(&out, 4, 0);
    put(&out, 4, 0), put(&out, 4, 0), put(&out, 4, name), put(&out, 4, 0);
  }
  align(&out);
  size_t dynamic = out.at;
  for (int i = 0; i < 8 && plan->needed[i]; i++)
    put_entry(&out, DT_NEEDED, string(&strings, plan->needed[i]));
  if (plan->soname) put_entry(&out, DT_SONAME, string(&strings, plan->soname));
  if (plan->rpath) put_entry(&out, DT_RPATH, string(&strings, plan->rpath));
  if (plan->runpath) put_entry(&out, DT_RUNPATH, string(&strings, plan->runpath));
  if (plan->of) put_entry(&out, DT_VERNEED, ADDRESS + needs), put_entry(&out, DT_VERNEEDNUM, 1);
  size_t table = out.at;
  put_entry(&out, DT_STRTAB, 0); // again below
  put_entry(&out, DT_STRSZ, strings.length);
  put_entry(&out, DT_NULL, 0);
  size_t dynamic_end = out.at;
  put_bytes(&out, strings.text, strings.length);
  align(&out);
  size_t fatbin = out.at;
  put_bytes(&out, plan->fatbin, plan->fatbin ? plan->fatbin_length : 0);
  align(&out);
  static const char names[] = "\0.shstrtab\0.nv_fatbin";
  size_t names_at = out.at, sections_at = 0;
  if (!plan->bare) {
    put_bytes(&out, names, sizeof names);
    align(&out);
    sections_at = out.at;
    put_section(&out, 0, SHT_NULL, 0, 0);
    put_section(&out, 1, SHT_STRTAB, names_at, sizeof names);
    put_section(&out, plan->fatbin ? 11 : 1, SHT_PROGBITS, fatbin, plan->fatbin_length);
  }
  size_t length = out.at;
  out.at = table;
  put_entry(&out, DT_STRTAB, ADDRESS + dynamic_end);
  out.at = 0;
  put_header(&out, plan, sections_at);
  put_segment(&out, PT_LOAD, 0, length);
  put_segment(&out, PT_DYNAMIC, dynamic, dynamic_end - dynamic);
  return length;
}

size_t elf_fatbin_entry(unsigned char *bytes, size_t at, int kind, int arch, size_t length) {
  struct out out = {.bytes = bytes, .at = at};
  put(&out, 2, (uint64_t)kind), put(&out, 2, 0x101), put(&out, 4, 64), put(&out, 8, length);
  put(&out, 8, 0), put(&out, 4, 0), put(&out, 4, (uint64_t)arch);
  while (out.at < at + 64 + length) put(&out, 1, 0);
  return out.at;
}

size_t elf_fatbin_header(unsigned char *bytes, size_t entries) {
  struct out out = {.bytes = bytes};
  put(&out, 4, 0xba55ed50), put(&out, 2, 1), put(&out, 2, 16), put(&out, 8, entries);
  return out.at;
}
