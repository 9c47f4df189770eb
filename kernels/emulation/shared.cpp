// Static shared memory. `__shared__ T x` is a thread_local variable of its function with a guard
// variable declared before it. The symbol table of this library or program says where they are, of
// templates as well: all of them are undefined at a thread's first launch, and those of the
// functions that ran are again after each block. A write past an array ends up in the guard of a
// neighbour.
//
// In a library that was stripped of its symbols the variables keep what they held, and count as
// nothing in the launch limits. Those of device functions that a kernel calls are undefined as its
// own are, and not counted.
#include "emulation.h"
#include <cstdio>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace emu {

// No std::string or std::map here: parts of them are in libstdc++, where MSan does not see them.
struct variable {
  uint64_t place, bytes; // in the thread-local storage
  int scope;             // the function that declares it
};
struct kernel_function {
  uint64_t address; // in the file
  int scope;
};
static std::vector<variable> guards, variables;
static std::vector<kernel_function> functions;
static uintptr_t base;         // where this library or program was loaded
static unsigned char *storage; // this thread's, of this library or program

struct declared {
  shared_guard *guard;
  const char *file;
  int line;
};
static std::vector<declared> met; // in the block that is running

// ---- the symbol table --------------------------------------------------------------------------

// A variable x of a function is mangled as _ZZ<function>E<length>x: Itanium C++ ABI, 5.1.6. The
// scope of a guard is what stands before its length.
static size_t scope_length(const char *name) {
  const char *own = strstr(name, "emu_guard_");
  if (!own || strncmp(name, "_ZZ", 3)) return 0;
  while (own[-1] >= '0' && own[-1] <= '9') own--;
  return (size_t)(own - name);
}

struct scope {
  const char *name;
  size_t length;
};

static int scope_of(const std::vector<scope> &scopes, const char *variable) {
  for (size_t i = 0; i < scopes.size(); i++) {
    const char *rest = variable + scopes[i].length;
    if (!strncmp(variable, scopes[i].name, scopes[i].length) && *rest >= '0' && *rest <= '9')
      return (int)i;
  }
  return -1;
}

static int scope_of_function(const std::vector<scope> &scopes, const char *function) {
  size_t length = strlen(function);
  for (size_t i = 0; i < scopes.size(); i++) // _ZZ<function>E and _Z<function>
    if (scopes[i].length == length + 2 && !strncmp(scopes[i].name + 3, function + 2, length - 2))
      return (int)i;
  return -1;
}

static void read_table(const ElfW(Sym) * entry, size_t count, const char *names) {
  std::vector<scope> scopes;
  for (size_t i = 0; i < count; i++) {
    const char *name = names + entry[i].st_name;
    size_t length = ELF64_ST_TYPE(entry[i].st_info) == STT_TLS ? scope_length(name) : 0;
    if (!length) continue;
    int of = scope_of(scopes, name);
    if (of < 0) {
      of = (int)scopes.size();
      scopes.push_back({name, length});
    }
    guards.push_back({entry[i].st_value, entry[i].st_size, of});
  }
  for (size_t i = 0; i < count; i++) {
    const char *name = names + entry[i].st_name;
    int type = ELF64_ST_TYPE(entry[i].st_info), of;
    if (type == STT_TLS && !scope_length(name) && (of = scope_of(scopes, name)) >= 0)
      variables.push_back({entry[i].st_value, entry[i].st_size, of});
    if (type == STT_FUNC && entry[i].st_value && !strncmp(name, "_Z", 2) &&
        (of = scope_of_function(scopes, name)) >= 0)
      functions.push_back({entry[i].st_value, of});
  }
}

static void read_file(const unsigned char *file, size_t bytes) {
  ElfW(Ehdr) head;
  if (bytes < sizeof head) return;
  memcpy(&head, file, sizeof head);
  if (head.e_shoff > bytes || (bytes - head.e_shoff) / sizeof(ElfW(Shdr)) < head.e_shnum) return;
  const ElfW(Shdr) *section = (const ElfW(Shdr) *)(file + head.e_shoff);
  for (int i = 0; i < head.e_shnum; i++)
    if (section[i].sh_type == SHT_SYMTAB)
      read_table((const ElfW(Sym) *)(file + section[i].sh_offset),
                 section[i].sh_size / sizeof(ElfW(Sym)),
                 (const char *)file + section[section[i].sh_link].sh_offset);
}

static void read_symbols(const char *path) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (file < 0) return;
  if (!fstat(file, &status) && status.st_size > 0) {
    size_t bytes = (size_t)status.st_size;
    void *p = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, file, 0);
    if (p != MAP_FAILED) {
      read_file((const unsigned char *)p, bytes);
      munmap(p, bytes);
    }
  }
  close(file);
}

// Makes the thread-local storage exist on a thread before any kernel has run there.
static thread_local volatile char anchor;

static int find_image(struct dl_phdr_info *info, size_t, void *) {
  uintptr_t here = (uintptr_t)&find_image;
  bool ours = false;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) &p = info->dlpi_phdr[i];
    uintptr_t start = info->dlpi_addr + p.p_vaddr;
    if (p.p_type == PT_LOAD && here >= start && here < start + p.p_memsz) ours = true;
  }
  if (!ours) return 0;
  static bool read;
  if (!read) read_symbols(*info->dlpi_name ? info->dlpi_name : "/proc/self/exe");
  read = true;
  base = info->dlpi_addr;
  storage = (unsigned char *)info->dlpi_tls_data;
  return 1;
}

static void find(void) {
  anchor = 1;
  if (!dl_iterate_phdr(find_image, nullptr) || !storage)
    fail("the thread-local storage of this library was not found", __FILE__, __LINE__);
}

// ---- launches and blocks -----------------------------------------------------------------------

size_t shared_static(const void *kernel) {
  find();
  size_t bytes = 0;
  for (const kernel_function &f : functions) {
    if (base + f.address != (uintptr_t)kernel) continue;
    for (const variable &v : variables)
      if (v.scope == f.scope) bytes += v.bytes;
    break;
  }
  return bytes;
}

void shared_begin(void) {
  static thread_local bool begun;
  find();
  met.clear();
  for (const variable &g : guards) guard_set(storage + g.place, g.bytes);
  if (begun) return;
  for (const variable &v : variables) undefine(storage + v.place, v.bytes);
  begun = true;
}

void shared_declared(shared_guard *guard, const char *file, int line) {
  for (const declared &d : met)
    if (d.guard == guard) return;
  met.push_back({guard, file, line});
}

static void check_guard(const variable &g, const char *file, int line) {
  if (guard_damage(storage + g.place, g.bytes) < g.bytes)
    fail("static shared memory was written outside a variable, next to the one declared", file,
         line);
}

void shared_end_block(void) {
  for (const declared &d : met)
    for (const variable &g : guards) {
      if (storage + g.place != d.guard->byte) continue;
      check_guard(g, d.file, d.line);
      for (const variable &v : variables)
        if (v.scope == g.scope) undefine(storage + v.place, v.bytes);
    }
  met.clear();
}

// Guards of functions that did not run may lie beside variables of one that did.
void shared_end(void) {
  for (const variable &g : guards) {
    check_guard(g, "another kernel", 0);
    EMU_SHOW(storage + g.place, g.bytes); // the thread may end, and its storage be used again
  }
}

} // namespace emu
