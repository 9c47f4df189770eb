// What a shared library asks for: its dynamic section, and the strings that it names. A string
// table can have tens of megabytes, so strings are read one by one.
#include "elf.h"
#ifdef WHY_HAVE_LIBELF
#include "elf_file.h"
#include <string.h>
#include <unistd.h>

enum {
  DYNAMIC = 1 << 20, // bytes of the dynamic section
  NEEDED = 4096,
  VERSIONS = 512,
  STRING = 65536, // bytes of one string, with its NUL: TensorFlow 2.21 has a RUNPATH of 20 thousand
  STRINGS = 1 << 20, // of all that a file names
};

struct dynamic { // of one file
  struct elf_file *file;
  Elf_Data *data;
  uint64_t strings, strings_end; // offsets in the file
  uint64_t room;                 // bytes that strings may still take
};

// The offset in the file of an address, and how much the segment has from there.
static bool offset_of(struct elf_file *file, uint64_t address, uint64_t *offset, uint64_t *left) {
  for (size_t i = 0; i < file->segments; i++) {
    GElf_Phdr segment;
    if (!gelf_getphdr(file->elf, (int)i, &segment) || segment.p_type != PT_LOAD) continue;
    if (address < segment.p_vaddr || address - segment.p_vaddr >= segment.p_filesz) continue;
    uint64_t inside = address - segment.p_vaddr;
    if (segment.p_offset > UINT64_MAX - inside) continue;
    *offset = segment.p_offset + inside;
    *left = segment.p_filesz - inside;
    return true;
  }
  return false;
}

// NULL: it is not in the file, or has no end.
static const char *string_at(struct dynamic *dynamic, uint64_t index) {
  char text[STRING];
  struct elf_file *file = dynamic->file;
  if (index >= dynamic->strings_end - dynamic->strings) return NULL;
  uint64_t offset = dynamic->strings + index, left = dynamic->strings_end - offset;
  ssize_t got = pread(file->file, text, left < STRING ? (size_t)left : STRING, (off_t)offset);
  size_t length = got > 0 ? strnlen(text, (size_t)got) : 0;
  if (got <= 0 || length == (size_t)got || length >= dynamic->room) return NULL;
  dynamic->room -= length + 1;
  elf_file_note(file, offset, length + 1);
  return arena_copy(file->arena, text, length);
}

// The dynamic section, and the string table that goes with it. False with `why` "": there is none.
static bool find_dynamic(struct elf_file *file, struct dynamic *dynamic) {
  GElf_Phdr segment = {0};
  size_t i = 0;
  while (i < file->segments &&
         (!gelf_getphdr(file->elf, (int)i, &segment) || segment.p_type != PT_DYNAMIC))
    i++;
  if (i == file->segments) return false;
  uint64_t length = segment.p_filesz < DYNAMIC ? segment.p_filesz : DYNAMIC;
  length -= length % gelf_fsize(file->elf, ELF_T_DYN, 1, EV_CURRENT);
  if (segment.p_offset > file->size || length > file->size - segment.p_offset) {
    file->why = "cut short";
    return false;
  }
  if (!length) return false; // a file with its debugging information only
  *dynamic = (struct dynamic){.file = file, .room = STRINGS};
  dynamic->data =
      elf_getdata_rawchunk(file->elf, (int64_t)segment.p_offset, (size_t)length, ELF_T_DYN);
  elf_file_note(file, segment.p_offset, length);
  GElf_Dyn entry;
  for (int at = 0; dynamic->data && gelf_getdyn(dynamic->data, at, &entry); at++) {
    if (entry.d_tag == DT_NULL) break;
    uint64_t left;
    if (entry.d_tag != DT_STRTAB) continue;
    if (!offset_of(file, entry.d_un.d_ptr, &dynamic->strings, &left)) break;
    if (dynamic->strings >= file->size) {
      file->why = "cut short";
      return false;
    }
    if (left > file->size - dynamic->strings) left = file->size - dynamic->strings;
    dynamic->strings_end = dynamic->strings + left;
    return true;
  }
  file->why = "its dynamic section cannot be read";
  return false;
}

// Four numbers of 32 bits: of a need, its file, its first version and the way to the next need are
// the last three; of a version, its name and the way to the next are the last two.
struct words {
  uint32_t word[4];
};

static bool words_at(struct elf_file *file, uint64_t offset, struct words *out) {
  unsigned char b[16];
  if (!elf_file_bytes(file, offset, b, sizeof b)) return false;
  int first = file->header.e_ident[EI_DATA] == ELFDATA2MSB ? 0 : 3, step = first ? -1 : 1;
  for (int i = 0, at = first; i < 4; i++, at = 4 * i + first)
    out->word[i] = (uint32_t)b[at] << 24 | (uint32_t)b[at + step] << 16 |
                   (uint32_t)b[at + 2 * step] << 8 | b[at + 3 * step];
  return true;
}

static void read_versions(struct dynamic *dynamic, uint64_t address, struct elf *out) {
  struct elf_file *file = dynamic->file;
  uint64_t need, left;
  struct words words, entry;
  if (!offset_of(file, address, &need, &left)) return;
  const char **version = arena_give(file->arena, VERSIONS * sizeof *version);
  for (int steps = 0; steps < VERSIONS && words_at(file, need, &words); steps++) {
    const char *library = string_at(dynamic, words.word[1]);
    uint64_t at = need + words.word[2];
    while (library && out->versions < VERSIONS && words_at(file, at, &entry)) {
      const char *name = string_at(dynamic, entry.word[2]);
      if (!name) break;
      version[out->versions++] = arena_print(file->arena, "%s:%s", library, name);
      if (!entry.word[3]) break;
      at += entry.word[3];
    }
    if (!words.word[3]) break;
    need += words.word[3];
  }
  out->version = version;
}

static bool read_name(struct dynamic *dynamic, uint64_t index, const char **out) {
  *out = string_at(dynamic, index);
  if (!*out) dynamic->file->why = "a name in its dynamic section cannot be read";
  return *out != NULL;
}

// Names are read after all entries were seen: of each kind the last counts, as for ld.so.
static bool read_dynamic(struct dynamic *dynamic, struct elf *out) {
  enum { SONAME, RPATH, RUNPATH, NAMES };
  const char **name[NAMES] = {&out->soname, &out->rpath, &out->runpath};
  uint64_t at[NAMES] = {0}, versions = 0;
  bool there[NAMES] = {false};
  GElf_Dyn entry;
  size_t count = 0;
  for (int i = 0; gelf_getdyn(dynamic->data, i, &entry) && entry.d_tag != DT_NULL; i++) {
    int kind = entry.d_tag == DT_SONAME    ? SONAME
               : entry.d_tag == DT_RPATH   ? RPATH
               : entry.d_tag == DT_RUNPATH ? RUNPATH
                                           : NAMES;
    if (kind < NAMES) at[kind] = entry.d_un.d_val, there[kind] = true;
    if (entry.d_tag == DT_VERNEED) versions = entry.d_un.d_ptr;
    count += entry.d_tag == DT_NEEDED;
  }
  for (int kind = 0; kind < NAMES; kind++)
    if (there[kind] && !read_name(dynamic, at[kind], name[kind])) return false;
  if (count > NEEDED) count = NEEDED;
  const char **needed = arena_give(dynamic->file->arena, count * sizeof *needed);
  for (int i = 0; (size_t)out->neededs < count && gelf_getdyn(dynamic->data, i, &entry); i++)
    if (entry.d_tag == DT_NEEDED && !read_name(dynamic, entry.d_un.d_val, &needed[out->neededs++]))
      return false;
  out->needed = needed;
  if (versions) read_versions(dynamic, versions, out);
  return true;
}

struct elf elf_file_say(struct elf_file *file) {
  struct elf out = {.why = "", .soname = "", .rpath = "", .runpath = ""}, none = out;
  struct dynamic dynamic;
  if (find_dynamic(file, &dynamic)) read_dynamic(&dynamic, &out);
  size_t section = 0;
  uint64_t offset, length;
  out.fatbin = elf_file_fatbin(file, &section, &offset, &length);
  if (*file->why) return none.why = file->why, none;
  out.elf_class = file->header.e_ident[EI_CLASS] == ELFCLASS64 ? 64 : 32;
  out.machine = file->header.e_machine;
  return out;
}

struct elf elf_read(struct root *root, struct arena *arena, const char *path) {
  struct elf out = {.why = "cannot be read", .soname = "", .rpath = "", .runpath = ""};
  out.there = root_stat(root, NULL, "%s", path);
  int file = out.there == THERE ? root_file(root, path) : -1;
  if (file < 0) return out;
  struct elf_file open = {0};
  enum there there = out.there;
  if (elf_file_open(&open, file, arena))
    out = elf_file_say(&open);
  else
    out.why = open.why;
  out.there = there;
  elf_file_close(&open);
  close(file);
  return out;
}
#endif
