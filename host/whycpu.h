// whycpu: when and why work falls back to the CPU.
//
// An op says what to compute; a kernel is one way to compute it on one kind of device; a backend is
// a shared library that brings devices, kernels or both. The catalog, compiled into the library,
// names every kernel the project knows: a backend that is absent makes rows with a reason, never a
// silence.
//
// Sizes are in bytes, times in seconds, dims and strides in elements. Row-major is a stride
// pattern, not a rule: a transposed or sliced operand is another stride. Whatever can fail returns
// a why_reason, WHY_OK being 0.
#ifndef WHYCPU_H
#define WHYCPU_H
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#ifdef __cplusplus
extern "C" {
#endif

#define WHY_ABI 4 // a backend built against another number is refused, WHY_BACKEND_ABI
#define WHY_API __attribute__((visibility("default")))

// ---- reasons -----------------------------------------------------------------------------------

enum why_reason {
#define X(name, unit, sentence) WHY_##name,
#include "reasons.def"
#undef X
  WHY_REASON_COUNT
};
WHY_API const char *why_name(enum why_reason);     // "DEVICE_MEMORY"
WHY_API const char *why_unit(enum why_reason);     // of need and have: "bytes"; "" if it has none
WHY_API const char *why_sentence(enum why_reason); // "the operands exceed the device memory budget"
// Said of a candidate that could run: chosen, or passed over for another.
WHY_API int why_could_run(enum why_reason);

struct why_verdict {
  enum why_reason reason;
  double need, have; // the two numbers that decided, in the reason's unit; 0 if it has none
  const char *note;  // the loader's, driver's or library's own words; "" if none; never NULL.
                     // Owned by the machine, or static: valid as long as the machine
  const char *cause; // the doctor's id, such as "no-nvidia-gpu"; "" if none; static
};

// What was wrong with a text that was read: one line for a person.
struct why_error {
  int line, column; // from 1; 0 where it does not apply
  char text[256];   // what, and what would be right
};

// ---- problems ----------------------------------------------------------------------------------

// What an operand is stored as, and what the arithmetic is done in. tf32 is the second only. A
// kernel whose arithmetic is at least as exact as asked for may serve.
enum why_type { WHY_F64, WHY_F32, WHY_F16, WHY_BF16, WHY_TYPE_COUNT };
enum why_math { WHY_MATH_F64, WHY_MATH_F32, WHY_MATH_F16, WHY_MATH_BF16, WHY_MATH_COUNT };
enum { WHY_PARAMS = 24, WHY_RANK = 6, WHY_OPERANDS = 8, WHY_CUTS = 3, WHY_LOOPS = 3 };
#define WHY_REQUIRED INT64_MIN // a param without a default

enum why_kind { WHY_INTEGER, WHY_REAL, WHY_CHOICE };
struct why_param { // one key of a problem: a dim, a stride, a flag or a scale
  const char *name;
  enum why_kind kind;
  int64_t least, most; // WHY_INTEGER: the range, inclusive; WHY_REAL: any finite number
  int64_t otherwise;   // the default, or WHY_REQUIRED
  const char *help;    // one line, for `whycpu list ops`
  const char *choices; // WHY_CHOICE: the words, "nchw nhwc"; the value is a word's place from 0
};

struct why_op;
struct why_problem {
  const struct why_op *op;
  enum why_type type;        // of the inputs; the other operands' follow from the op
  enum why_math math;        // the loosest arithmetic allowed
  int64_t value[WHY_PARAMS]; // WHY_INTEGER and WHY_CHOICE params, by their place in op->param
  double real[WHY_PARAMS];   // WHY_REAL ones
};

struct why_tensor {
  enum why_type type;
  int rank;
  int64_t dim[WHY_RANK], stride[WHY_RANK]; // in elements, never negative
  void *data;
};

enum why_role { WHY_IN = 1, WHY_OUT = 2, WHY_INOUT = 3 };

// An axis along which an op can be cut into parts, each a problem of the same op.
struct why_cut {
  const char *name; // "m", "rows": the CSV's `part`
  int sums;         // parts along it add up in the output (gemm's k), which stays on the device
                    // from the first to the last of them; else they are independent
};

struct why_op { // a row of the table of ops: host/ops/NAME.c
  const char *name;
  const char *help;
  const struct why_param *param;
  int params, operands;
  uint32_t types;                    // bit 1 << why_type: what the op is defined for
  const char *operand[WHY_OPERANDS]; // "a", "b", "c": names for --in and --out
  enum why_role (*role)(const struct why_problem *, int operand);
  // Shape, strides and type of an operand; data is left alone.
  void (*shape)(const struct why_problem *, int operand, struct why_tensor *out);
  // NULL where the params fit together, else what would be right ("lda at least k").
  const char *(*refuse)(const struct why_problem *);
  double (*flops)(const struct why_problem *); // operations that the result needs
  double (*bytes)(const struct why_problem *); // least that must move: inputs read, outputs written
  // An output is seen as a matrix: its last dim is the columns, all others together, in row-major
  // order, the rows. The right answer in double for rows [first, first + rows) of output operand
  // `output`, packed, and for each element the size that its rounding errors scale with (for gemm
  // the sum of |a||b|): |x - value| <= tolerance x scale, whatever the data.
  void (*reference)(const struct why_problem *, const struct why_tensor *operand, int output,
                    int64_t first, int64_t rows, double *value, double *scale);
  double (*tolerance)(const struct why_problem *, int output);
  // For results too large to check exactly: each row of the output times the vector x (one value a
  // column) and, a row, the sum of the scales of its elements times |x|. NULL: always exact.
  void (*project)(const struct why_problem *, const struct why_tensor *operand, int output,
                  const double *x, double *value, double *scale);

  // Cutting. Without cuts the op runs whole or not at all.
  const struct why_cut *cut;
  int cuts;
  const unsigned char (*order)[WHY_CUTS]; // orders of the loops over parts worth trying, outermost
  int orders;                             // first; a cut that sums is innermost in all
  int64_t (*extent)(const struct why_problem *, int cut); // how long it is: 1, it cannot be cut
  int64_t (*step)(const struct why_problem *, int cut);   // parts are multiples of this; NULL: of 1
  uint32_t (*sliced)(const struct why_problem *, int operand); // bit i: by cut i
  // The part [first, first + extent) along each cut as a problem of its own, its operands packed;
  // and each operand's slice of the whole, halo included: dims, strides and data, which starts from
  // whole[i].data. A part's type may be wider than its slice's (gemm's c while k is cut). With
  // `first` NULL: a problem whose operands are as large as any part's; slices are left alone.
  void (*part)(const struct why_problem *, const struct why_tensor *whole, const int64_t *first,
               const int64_t *extent, struct why_problem *part, struct why_tensor *slice);
  // Bytes of all slices of an operand together, for parts of this extent, where they overlap or
  // leave something out; 0 where they are the operand's own. NULL: they are for every operand.
  double (*slice_bytes)(const struct why_problem *, const int64_t *extent, int operand);
  // The least bytes that must be copied to a device which can hold this much, whatever the
  // schedule: the law that streaming is held against. NULL: the inputs once.
  double (*least_copied)(const struct why_problem *, double device_bytes);

  // For predictions: what kernels go through one by one, besides operations and bytes, "rows",
  // "runs gathered"; how many there are of each; and what else makes kernels fast or slow, as a
  // static word: costs are fitted for each word apart. NULL: there is none.
  const char *loop[WHY_LOOPS];
  double (*loops)(const struct why_problem *, int loop);
  const char *(*form)(const struct why_problem *);
};

WHY_API int why_op_count(void);
WHY_API const struct why_op *why_op_at(int index);
WHY_API const struct why_op *why_op_find(const char *name); // NULL: no such op

// "gemm m=64 n=64 k=64 type=bf16 tb=1". Checks every param, and that no operand's bytes overflow.
WHY_API enum why_reason why_problem_parse(const char *text, struct why_problem *out,
                                          struct why_error *);
// The same checks for a problem filled by hand. WHY_OK or WHY_BAD_INPUT.
WHY_API enum why_reason why_problem_check(const struct why_problem *, struct why_error *);
// Every param at its default, type f32, math by type; required params 1.
WHY_API void why_problem_default(const struct why_op *, struct why_problem *);
// The params that differ from their default as "m=64 n=64 k=64 tb=1", without op, type and math:
// the CSV's `dims`.
WHY_API int why_problem_dims(const struct why_problem *, char *out, size_t size);
// All of it, as why_problem_parse reads it: can be pasted back.
WHY_API int why_problem_text(const struct why_problem *, char *out, size_t size);
WHY_API enum why_math why_math_of(enum why_type); // what a type asks for unless told

WHY_API size_t why_type_bytes(enum why_type);
WHY_API const char *why_type_name(enum why_type);
WHY_API const char *why_math_name(enum why_math);
WHY_API int64_t why_tensor_elements(const struct why_tensor *); // product of the dims
WHY_API uint64_t
why_tensor_bytes(const struct why_tensor *); // from first to last element, gaps too

// ---- devices and backends ----------------------------------------------------------------------

enum why_cpu_feature { // bits of cpu_features
  WHY_CPU_AVX2 = 1,    // with FMA and F16C
  WHY_CPU_AVX512 = 2,  // F, BW, DQ, VL
  WHY_CPU_AVX512_BF16 = 4,
  WHY_CPU_AVX512_FP16 = 8,
  WHY_CPU_AMX_BF16 = 16
};

struct why_facts {        // all that a decision may know about a device
  char name[64];          // "NVIDIA H200"
  char backend[16];       // who brings it: "host", "cuda"
  char uuid[48], pci[16]; // "" where there is none
  int host, emulated;
  int numa_node;       // that the device hangs on; -1: not known
  int capability;      // 90 for sm_90; 0 for a CPU
  int multiprocessors; // of a GPU; cores of a CPU
  int driver;          // CUDA version that the driver serves, 13000; 0: none
  uint32_t cpu_features;
  // shared: a block; cache: the last level; core_cache: the level before it, of all cores together
  // (0 for a GPU).
  uint64_t memory_bytes, free_bytes, context_bytes, shared_bytes, cache_bytes, core_cache_bytes;
  // Figures, 0 where not known. in and out: host to device and back, pinned; memory, cache,
  // core_cache: a copy there, bytes read plus bytes written, all cores together. Of a host, in and
  // out: what a GPU's slot gives.
  double in_bps, out_bps, memory_bps, cache_bps, core_cache_bps, latency_seconds, launch_seconds;
  double flops[WHY_MATH_COUNT];
  char provenance[16]; // of the figures: "measured", "published", "" without any
};

// Where data lives. WHY_MANAGED: both sides may touch it; never more than the device has free.
enum why_memory { WHY_DEVICE, WHY_PINNED_HOST, WHY_MANAGED };
enum { WHY_WORK, WHY_COPY_IN, WHY_COPY_OUT, WHY_QUEUES };
enum { WHY_MARKS = 48 };

struct why_device { // filled by a backend. Calls are made from one thread at a time
  struct why_facts facts;
  enum why_reason (*bind)(struct why_device *);    // make it current on this thread, make queues
  enum why_reason (*refresh)(struct why_device *); // facts.free_bytes, context_bytes
  enum why_reason (*alloc)(struct why_device *, size_t bytes, enum why_memory, void **out);
  void (*free)(struct why_device *, enum why_memory, void *);
  // rows x row_bytes from src to dst, pitches in bytes; direction is inferred. Asynchronous.
  enum why_reason (*copy)(struct why_device *, int queue, void *dst, size_t dst_pitch,
                          const void *src, size_t src_pitch, size_t row_bytes, size_t rows);
  enum why_reason (*mark)(struct why_device *, int queue, int mark);  // record, with time
  enum why_reason (*after)(struct why_device *, int queue, int mark); // the queue waits for it
  // The host waits for it, at most `seconds` (INFINITY: for ever); WHY_TIMEOUT after that.
  enum why_reason (*until)(struct why_device *, int mark, double seconds);
  double (*between)(struct why_device *, int first, int last); // device clock; NAN under emulation
  // What a queue is given after `capture` is not run but kept, until `captured` makes a graph of it
  // (NULL where that fails) that `replay` puts into a queue as one. All NULL: it has no graphs.
  enum why_reason (*capture)(struct why_device *, int queue);
  enum why_reason (*captured)(struct why_device *, int queue, void **graph);
  enum why_reason (*replay)(struct why_device *, int queue, void *graph);
  void (*forget)(struct why_device *, void *graph);
  const char *(*error)(struct why_device *); // the words for this thread's last failure; static
  void *queue[WHY_QUEUES];                   // native handles: cudaStream_t for "cuda"
  void *state;                               // the backend's own
};

// `state` is what attach() made for this device (a cublasLtHandle_t); `plan` what prepare() made.
// Operand data and workspace are on the device. Asynchronous on queue WHY_WORK where the device
// has queues. An INOUT or OUT operand's gaps between rows are never written.
struct why_call {
  void *state, *plan;
  struct why_device *device;
  const struct why_problem *problem;
  const struct why_tensor *operand;
  void *workspace;
  uint64_t workspace_bytes;
  int threads;             // CPU kernels: how many to use, at least 1
  int untimed;             // prepare: no trials, the library's first choice will do
  struct why_verdict *why; // details of a failure: need, have, note (static words)
};
struct why_code { // what a backend has for a row of the catalog
  enum why_reason (*run)(struct why_call *);
  // Optional: what each launch would otherwise repeat (descriptors, the choice of an algorithm).
  // May time trials: IN operands hold random data then, OUT and INOUT ones may be overwritten. On
  // the host operands hold their own data and stay as they are: it is prepared at each upload.
  enum why_reason (*prepare)(struct why_call *);
  void (*release)(struct why_call *);
};

struct why_backend {   // a library exports one, as `whycpu_backend`
  int abi;             // WHY_ABI; first, so that any version can read it
  const char *name;    // "cuda"
  const char *build;   // what it was built for: "CUDA 13.0, sm_80 sm_90a, PTX 9.0"
  const char *version; // the library's own, filled by open: "OpenBLAS 0.3.21 (SkylakeX, pthreads)"
  // Finds devices and fills version; no context yet. The verdict says why not.
  enum why_reason (*open)(struct why_backend *, struct why_verdict *);
  void (*close)(struct why_backend *); // gives devices back; the library is never dlclosed
  enum why_reason (*attach)(struct why_backend *, struct why_device *, void **state,
                            struct why_verdict *);                        // or NULL
  void (*detach)(struct why_backend *, struct why_device *, void *state); // or NULL
  const struct why_code *(*find)(const char *op, const char *kernel);     // NULL: WHY_NOT_BUILT
  // What only the library knows: does it support this within most_bytes of workspace, and how much
  // does it want. WHY_OK, WHY_LIBRARY, or WHY_WORKSPACE with need and have. NULL where no kernel of
  // it has `ask` in the catalog.
  enum why_reason (*ask)(void *state, const struct why_device *, const char *kernel,
                         const struct why_problem *, uint64_t most_bytes, uint64_t *workspace_bytes,
                         struct why_verdict *);
  struct why_device *device; // those it brings
  int devices;
};
#define WHY_BACKEND_SYMBOL "whycpu_backend"

struct why_kernel {      // a row of host/catalog.def: needs as data, code only where data cannot
  const char *op, *name; // "gemm", "tiled"
  const char *backend;   // who has the code: "cublas"
  const char *device;    // whose devices it runs on: "host", "cuda"
  const char *help;      // the idea in a line
  uint32_t types;        // bit 1 << why_type
  int capability, capability_last; // 80, 0: from sm_80 on; 90, 90: sm_90a and no other
  uint32_t cpu_features;
  uint32_t shared_bytes; // a block
  int multiple;          // each operand: its rows and its larger stride; 0 or 1: any
  int64_t most;          // the largest dim or stride it can index; 0: any
  // Share of the roofline that it is taken to reach on a large problem when nothing was measured.
  // A prior, set by hand: it orders kernels, it is not a claim.
  double efficiency;
  enum why_reason (*takes)(const struct why_problem *, const struct why_facts *,
                           struct why_verdict *);                              // pure; NULL: all
  uint64_t (*workspace)(const struct why_problem *, const struct why_facts *); // NULL: none
  int threads; // of a CPU: the most that it uses; 0: all it is given
  // On tensor cores, or a CPU's units for a 16-bit type, where the device has flops[its math]: that
  // rate times this, and efficiency of it. 0: 16-bit types at the f32 rate.
  double matrix_units;
  // Rows and columns of the output that a block, or on the host a vector, computes, the output seen
  // as a matrix; 0 columns: whole rows. 0 rows: not known. Edges, and what does not fill a wave of
  // multiprocessors, cost as much as whole ones.
  int tile[2];
  int ask; // only the library can tell support and workspace: why_backend.ask
};
WHY_API int why_kernel_count(void);
WHY_API const struct why_kernel *why_kernel_at(int index);
WHY_API int why_kernel_on_host(const struct why_kernel *); // else on a GPU

// ---- the machine -------------------------------------------------------------------------------

struct why_machine; // opaque: facts, backends, answers, interned notes

struct why_options {
  const char *library_dir; // where the plug-ins are; NULL: "whycpu" beside this library
  const char *root;        // the file system to scan for hardware; NULL: "/"
  uint64_t emulate_bytes;  // 0: no emulation; else the "cuda" backend is the emulated one
  int emulate_capability;  // 0: 90
  const char *commit;      // of the program, for machine files that it writes; NULL: not told
};
// Looks at hardware and CPU; opens no backend. That there is no GPU is no failure.
WHY_API enum why_reason why_open(const struct why_options *, struct why_machine **);
WHY_API void why_close(struct why_machine *);
// A machine that is not here, from a JSON file ("schema": 1). WHY_OK or WHY_BAD_INPUT.
WHY_API enum why_reason why_read(FILE *, struct why_machine **, struct why_error *);
WHY_API enum why_reason why_write(FILE *, const struct why_machine *);
// What a file says of where it comes from, a sentence or more; "": this machine.
WHY_API const char *why_machine_source(const struct why_machine *);
// A file of GPUs names the machine whose host they are in ("host": "pcie4"), for the same GPU is
// sold for several. "": it has a host of its own. Until why_compose has given it one, its device 0
// has no memory and no figures, and nothing runs there.
WHY_API const char *why_machine_host(const struct why_machine *);
// The GPUs of one machine in the host of another, as a machine of its own called `name`: device 0
// and what runs there are `host`'s, the rest is `gpus`'. A copy takes the slower of the two rates
// that the GPU and the host's slot have (in_bps, out_bps of device 0). Published figures only: what
// was measured holds for the machine that it was measured on. WHY_OK, WHY_BAD_INPUT,
// WHY_ALLOC_FAILED.
WHY_API enum why_reason why_compose(const struct why_machine *gpus, const struct why_machine *host,
                                    const char *name, struct why_machine **, struct why_error *);

WHY_API const char *why_machine_name(const struct why_machine *);
WHY_API int
why_machine_replayed(const struct why_machine *);            // read from a file: it can only decide
WHY_API int why_machine_devices(const struct why_machine *); // device 0 is the host
WHY_API const struct why_facts *why_machine_device(const struct why_machine *, int index);

// The live device, for measuring it; NULL: replayed. Bind it first.
WHY_API struct why_device *why_machine_live(struct why_machine *, int index);
// Takes over the figures of `from` (in_bps to flops and provenance), as measured in this run.
WHY_API void why_machine_figures(struct why_machine *, int index, const struct why_facts *from);
// What one part of a device reached at best, measured on its own. The figures of why_facts are the
// ones of these that predictions need.
struct why_ceiling {
  char name[48];  // "fma-f32-avx512", "copy-in-pinned"
  char unit[16];  // of value: "flop/s", "byte/s" (of copies in memory read plus written), "s"
  int device;     // of the machine
  int threads;    // of the host; 0 on a GPU
  uint64_t bytes; // that were worked on, or copied; 0: does not apply
  double value;   // above 0
};
WHY_API int why_machine_ceilings(const struct why_machine *);
WHY_API const struct why_ceiling *why_machine_ceiling(const struct why_machine *, int index);
// Takes a copy; replaces the one of the same device, name, threads and bytes. WHY_OK,
// WHY_BAD_INPUT (no such device, no name or unit, no value) or WHY_ALLOC_FAILED.
WHY_API enum why_reason why_machine_ceiling_add(struct why_machine *, const struct why_ceiling *);
// Keeps all threads of this process on the first `threads` cores, one hardware thread a core, in
// the machine's order; 0, or more than there are: where it was allowed to run when it started.
// Threads begun later inherit it. WHY_OK, WHY_BAD_INPUT below 0, WHY_CALL_FAILED.
WHY_API enum why_reason why_bind(int threads);
// The same with each thread on a core of its own, for measuring: the main thread on the first, the
// others in turn on the rest of the first `threads`; 0: of all. Left to itself the system keeps
// workers on the core that they were made on, and those that wait for each other awake then take
// turns there for milliseconds at a time. Threads begun later start on the first core: call it
// again when a library has made its workers. why_bind(0) sets them free.
WHY_API enum why_reason why_pin(int threads);
// Opens every backend there is a row for, as `whycpu machine` does.
WHY_API void why_open_all(struct why_machine *);
struct why_backend_info {
  const char *name, *build, *version;
  struct why_verdict verdict;
};
WHY_API int why_machine_backends(const struct why_machine *);
WHY_API void why_machine_backend(const struct why_machine *, int index, struct why_backend_info *);

// ---- predicting --------------------------------------------------------------------------------

// What the caches hold when a request begins: hot, its operands, as far as they fit; cold, none of
// them.
enum why_cache { WHY_HOT, WHY_COLD, WHY_CACHE_COUNT };
WHY_API const char *why_cache_name(enum why_cache);

// What a call of a kernel costs on a device: the parameters of the model in host/cost.h.
struct why_cost {
  double launch_seconds;       // of any call, however small
  double rate;                 // operations a second
  double passes[WHY_OPERANDS]; // how often each operand's bytes go past where the operands lie
  // How much a cache or memory further away costs: its seconds a byte are those of the nearest
  // level times their ratio by the device's figures to this power. 1: as a copy does.
  double distance;
  double hidden; // share of the shorter of arithmetic and traffic that passes behind the longer
  double loop_seconds[WHY_LOOPS]; // of each round of the op's loops
  double edge_seconds;            // of a row whose end fills no whole tile, on the host
  // On the host: further passes of a matrix in the cores' caches whose rows lie a multiple of 2 KiB
  // apart, for what is read down them shares few sets of the nearest one.
  double aliased_passes;
  // On the host: further passes of a matrix beyond the cores' caches whose rows lie more than 8 KiB
  // apart, for each is on pages of its own then.
  double far_passes;
};
struct why_terms { // seconds of one call: all of them added up, but hidden, which is taken off
  double launch, arithmetic, traffic[WHY_OPERANDS], hidden; // launch NAN: no figures
  double loop[WHY_LOOPS], edges, aliased, far;
};
// Costs fitted to measurements of a kernel. Predictions use them instead of the prior.
struct why_fit {
  const struct why_kernel *kernel;
  int device; // of the machine
  enum why_type type;
  const char *form; // of the op; "" without any; static
  int threads;      // of the CPU; 0 on a GPU
  struct why_cost cost;
  int points;   // measured problems
  double error; // median of |predicted / measured - 1| over them
};
// Replaces one of the same kernel, device, type, form and threads. WHY_OK or WHY_ALLOC_FAILED.
WHY_API enum why_reason why_fit_add(struct why_machine *, const struct why_fit *);
WHY_API const char *why_form_of(const struct why_problem *); // its op's; "" without any
WHY_API int why_machine_fits(const struct why_machine *);
WHY_API const struct why_fit *why_machine_fit(const struct why_machine *, int index);
// Takes over the figures and fits of `recorded`, a file of this very machine read with why_read,
// and owns it from then on: at once and as devices and libraries are opened, each only if CPU, GPU,
// driver and library are those that were measured.
WHY_API void why_adopt(struct why_machine *, struct why_machine *recorded);
WHY_API const char *why_machine_stale(const struct why_machine *);      // what has changed; ""
WHY_API const char *why_machine_calibrated(const struct why_machine *); // when; "": it is not
// The costs that are taken for a kernel of which nothing was measured: the device's figures times
// the catalog's efficiency. rate 0: figures lack.
WHY_API void why_predict_prior(const struct why_machine *, int device, const struct why_kernel *,
                               const struct why_problem *, int threads, struct why_cost *);
// The terms of one call of this problem under these costs, with so many CPU threads (0: all).
WHY_API void why_predict_terms(const struct why_machine *, int device, const struct why_kernel *,
                               const struct why_problem *, int threads, enum why_cache,
                               const struct why_cost *, struct why_terms *);

// ---- deciding ----------------------------------------------------------------------------------

enum why_policy { WHY_AUTO, WHY_GPU_FIRST, WHY_GPU_ONLY, WHY_CPU_ONLY, WHY_POLICY_COUNT };
// Resident: all operands on the device. Streamed: in parts that fit, copying in, work and copying
// out at the same time. On host: on the CPU, in place.
enum why_plan { WHY_RESIDENT, WHY_STREAMED, WHY_ON_HOST, WHY_PLAN_COUNT };
enum why_transfer { WHY_ONCE, WHY_ALWAYS, WHY_UNIFIED, WHY_TRANSFER_COUNT };
WHY_API const char *why_policy_name(enum why_policy);
WHY_API const char *why_plan_name(enum why_plan);
WHY_API const char *why_transfer_name(enum why_transfer);
// How the calls of a request reach a device: one by one, or as one graph (a CUDA graph), which
// spares the host and the device the time between calls. On the host, in a streamed plan, and on a
// device without graphs they are calls in either case.
enum why_submit { WHY_CALLS, WHY_GRAPH, WHY_SUBMIT_COUNT };
WHY_API const char *why_submit_name(enum why_submit);

#define WHY_UNLIMITED UINT64_MAX
struct why_budget {
  uint64_t device_bytes, workspace_bytes, host_bytes;
  uint64_t pinned_bytes; // staging buffers of streamed plans; part of host_bytes too
};

struct why_request { // everything that decides, besides the machine
  struct why_problem problem;
  enum why_policy policy;
  char kernel[48]; // "backend:name" by name; "": any
  // bit 1 << why_plan: those allowed; 0: any. A streamed plan is looked for where the operands do
  // not fit, where copying while computing is predicted to pay, and where it is named here.
  uint32_t plans;
  enum why_transfer transfer;
  enum why_cache cache;
  enum why_submit submit;   // decides nothing: predictions are of calls
  int64_t iterations;       // calls on the same operands, at least 1
  int threads;              // CPU threads; 0: all
  double timeout_seconds;   // for one candidate; 0: none
  struct why_budget budget; // WHY_UNLIMITED where there is none
};
WHY_API void why_request_default(const struct why_problem *, struct why_request *);

// How a streamed plan is cut. Parts run in the order of op->order[order].
struct why_parts {
  int order;
  int64_t extent[WHY_CUTS]; // of a part along each of the op's cuts; the last may be shorter
  int64_t count;            // of parts
  // Of an operand whose slice changes: an input's with the innermost loop, an input's with an outer
  // one alone, an output's.
  int in_buffers, outer_buffers, out_buffers;
  uint64_t stage_bytes;       // of one pinned staging buffer
  double in_bytes, out_bytes; // copied in one call, all parts together
};

struct why_candidate {
  const struct why_kernel *kernel;
  int device; // -1: there is none for it
  enum why_plan plan;
  struct why_verdict verdict; // WHY_OK on the chosen one only
  struct why_budget peak;     // what it would hold at most
  struct why_parts parts;     // WHY_STREAMED; zeroes else
  const char *bound;          // which limit decided on memory: "budget", "free", "" (none asked)
  double copy_in_seconds, work_seconds, copy_out_seconds, seconds; // predicted; NAN: unknown
  struct why_terms terms;    // of one call's work; of a part's where it is streamed
  const struct why_fit *fit; // that they rest on, owned by the machine; NULL: a prior
};
struct why_decision {
  struct why_request request;
  int chosen; // -1 if nothing can run
  int blame;  // when no GPU is chosen: the GPU candidate that came nearest to running (last
              // reason in the order above, then fastest; of a kernel by name that cannot run, its
              // own, on the CPU too); else -1
  struct why_verdict fallback; // the blamed candidate's, WHY_OK without one
  int candidates, capacity;
  struct why_candidate *candidate; // owned by the decision: why_decision_free
};

// Opens the backends whose kernels this request could use, and asks the libraries what only they
// know. Not thread-safe. After it why_decide() is pure.
WHY_API enum why_reason why_consult(struct why_machine *, const struct why_request *);
// Pure: machine and request decide, with or without the hardware at hand. Safe from many threads.
// WHY_OK, also when nothing can run (chosen is -1); WHY_BAD_INPUT; WHY_ALLOC_FAILED. A decision
// that is passed in again, zeroed the first time, keeps its array: warm calls allocate nothing.
WHY_API enum why_reason why_decide(const struct why_machine *, const struct why_request *,
                                   struct why_decision *);
WHY_API void why_decision_free(struct why_decision *);
// Marks the chosen candidate as failed and chooses the next best. WHY_OK, or its reason when none
// is left.
WHY_API enum why_reason why_decide_again(const struct why_machine *, struct why_decision *,
                                         const struct why_verdict *failed);
WHY_API void why_explain(FILE *, const struct why_machine *, const struct why_decision *);
// "m=7168 n=7168 k=512": the extents of a streamed plan's parts. As snprintf.
WHY_API int why_parts_text(const struct why_problem *, const struct why_parts *, char *out,
                           size_t size);

// ---- running -----------------------------------------------------------------------------------

// A job is the chosen candidate with its buffers and handles. One thread at a time; different jobs
// are independent. Launch costs no more than the library's own call: nothing is decided or
// allocated. Each call returns WHY_OK or fills the decision's verdict for that candidate.
struct why_job;
struct why_times {
  double copy_in, work, copy_out, idle, total;
}; // NAN where not measured
WHY_API enum why_reason why_prepare(struct why_machine *, struct why_decision *, int candidate,
                                    struct why_job **);
// Host operands: shape and strides must be the problem's. Kept until why_download: on the host
// they are used in place.
WHY_API enum why_reason why_upload(struct why_job *, const struct why_tensor *operand);
WHY_API enum why_reason why_launch(struct why_job *);
// So many launches. As a graph (request.submit) the first of a job is a call even so, for what it
// loads cannot be captured; the others are one graph, which the job keeps: launching as many again
// only replays it.
WHY_API enum why_reason why_launches(struct why_job *, int64_t launches);
WHY_API enum why_reason why_wait(struct why_job *); // until all launches have ended
WHY_API enum why_reason why_download(struct why_job *, const struct why_tensor *operand);
// Takes what a request reads out of the caches (request.cache cold): host operands and workspace
// line by line, a device's cache by a copy through scratch of twice its size, which the job keeps
// beside its budget. Before why_upload; on the host, where operands stay in place, after it, for
// uploading may read them.
WHY_API enum why_reason why_evict(struct why_job *, const struct why_tensor *operand);
WHY_API void why_job_times(const struct why_job *, struct why_times *); // of the last round
WHY_API void why_release(struct why_job *);
// Decision to result, request.iterations launches. When a candidate fails, its verdict says why and
// the next best runs. INOUT operands are kept until one has finished, so that a retry never starts
// from a half-written one. When none could, the reason is the blamed one's
// before anything was tried, and the last failure's after.
WHY_API enum why_reason why_run(struct why_machine *, struct why_decision *,
                                const struct why_tensor *operand, struct why_times *);

// ---- checking ----------------------------------------------------------------------------------

struct why_check {
  double error;         // largest |x - value| / scale of the elements looked at; NAN if one is NaN
  double tolerance;     // that the op allows; right means error <= tolerance
  const char *verified; // "exact" (every element looked at) or "projection"
  int output;           // where the largest error is
  int64_t element;      // in row-major order of the output's dims
  // Had any one element of this result been off by more than this, in units of its scale, all
  // others being as they are, it would have been called wrong. Exact: the tolerance. Projection:
  // for an element of the mean scale of its row or above; INFINITY where rows are not finite.
  double finds;
};
// `before` has the operands as they were before the call, `after` as they are now. Up to 2e9 flops
// exactly; above that exactly on the rows that random projections of the whole output point at, the
// first, the last and some others. WHY_OK, WHY_WRONG or WHY_ALLOC_FAILED.
WHY_API enum why_reason why_check(const struct why_problem *, const struct why_tensor *before,
                                  const struct why_tensor *after, struct why_check *);

#ifdef __cplusplus
}
#endif
#endif
