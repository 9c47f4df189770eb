// The probe of a framework's build: what its files share.
#ifndef WHY_BUILD_H
#define WHY_BUILD_H
#include "python.h"
#include "python_text.h"
#include "resolve_places.h"
#include "slice.h"
#include "tables.h"

enum { NEEDED_MOST = 64 };

struct builder {
  struct facts *facts;
  struct arena *arena;
  struct root *root;
  struct build *build;
  struct python python; // interpreter "": none
  struct search search;
  struct asker program;  // the interpreter, or the program itself
  struct needed *needed; // NEEDED_MOST; build->count of them
};

// One a framework: fills builder->build but for what every framework has in common.
void build_tensorflow(struct builder *);
void build_torch(struct builder *);
void build_jax(struct builder *);
void build_onnxruntime(struct builder *);
void build_llama(struct builder *);
void build_ollama(struct builder *);
void build_cuda(struct builder *);
void build_self(struct builder *);

// ---- packages: build_package.c -----------------------------------------------------------------

// The first of these distributions that is installed; `name` ends with NULL.
struct distribution build_distribution(struct builder *, const char *const *name);
// A file below the first folder of packages that has it; NULL: ABSENT or UNREAD in *there.
const char *build_file(struct builder *, const char *below, enum there *);
// The folder of packages that it is in: of `file`, which is `below` it, or (NULL) the
// distribution's.
const char *build_site(struct builder *, const char *file, const char *below,
                       const struct distribution *);
// Says whether the package is there: by its distribution or by a file of its own (NULL: neither).
void build_found(struct builder *, const struct distribution *, const char *file,
                 enum there file_there);
void build_is_cuda(struct builder *, enum known, const char *path, const char *text);
// Of "9.1.0.70" 90100.
int cudnn_version(const char *);
// "sm_75", "7.5", "compute_90": what is there for it, added to `arch`; how many now.
int build_architecture(const char *text, int *arch, int count, int most);
// From the fat binary of a file, where the build says nothing itself.
void build_scan(struct builder *, const char *path);

// ---- programs and libraries that are no Python package: build_file.c ---------------------------

// Does a file have one of these words in it? Looks at its first 128 MiB; UNKNOWN: not known.
enum known build_mentions(struct builder *, const char *path, const char *const *word, int words);
// Does an ELF file use CUDA by what it says itself: DT_NEEDED, or code for GPUs in it?
enum known build_uses_cuda(const struct elf *);
// The CUDA that the names in DT_NEEDED are of ("libcudart.so.12": 12000); 0.
int build_cuda_of(const struct elf *);
// Fills what a library or program with CUDA in it says: its needs, its architectures.
void build_from_file(struct builder *, const struct asker *);

// ---- libraries: build_libraries.c --------------------------------------------------------------

// A file that loads libraries: what it is, and its search path as it says itself or, where it is
// not there to be read, as this framework's builds are known to have it ("" none).
struct asker build_asker(struct builder *, const char *path, const char *known_rpath,
                         const char *known_runpath);
// "SITE/nvidia/cublas/lib:..." of every folder that the wheels have.
const char *build_wheel_path(struct arena *, const char *site);
// Looks for a library as `asker` would get it, and for what it needs of CUDA's itself.
void build_needs(struct builder *, const char *name, const struct asker *);
// All that are CUDA's of DT_NEEDED; how many there were.
int build_needs_of(struct builder *, const struct asker *);
// By their short names ("cublas", "cudnn"), for build->cuda and build->cudnn.
void build_needs_known(struct builder *, const char *const *library, int count,
                       const struct asker *);
// What else lies about, which versions are got: once all needs are known.
void build_compare(struct builder *);
// The part of CUDA that a library's name is of: "cudnn" of "libcudnn_ops.so.9"; NULL: of none.
const char *cuda_library(const char *name);

// ---- where wheels put them: build_wheels.c -----------------------------------------------------

// A library of this name that came with a Python package; "".
const char *wheel_library(struct builder *, const char *name);
// Its version by the distribution that it belongs to: "12.4.127"; "".
const char *wheel_version(struct builder *, const char *path, const char *name);
// Where else this name lies: conda's folder, a toolkit; "".
const char *stray_library(struct builder *, const char *name);
// The same library of another major version; "".
const char *other_major(struct builder *, const char *name);
#endif
