// What is known beforehand: tables/*.csv, each with its sources, built into the library.
#ifndef WHY_TABLES_H
#define WHY_TABLES_H
#include "arena.h"
#include <stdbool.h>

// Versions are compared part by part as numbers: 550.54 < 550.54.14 < 1000. <0, 0, >0. A part that
// one of them lacks is 0 (2.5 is 2.5.0), and what follows the numbers ("+cpu") is left out.
int version_compare(const char *, const char *);
int version_major(const char *);          // 550 of "550.54.14"; -1: it begins with no number
int cuda_number(const char *);            // 12040 of "12.4" and "12.4.1"; 0: not a version
void cuda_text(int number, char out[16]); // "12.4" of 12040

struct pci_row { // gpu_pci_cc.csv
  const char *name, *chip, *arch;
  int capability;  // 75; 0: not in the table ("1.x" is 10)
  int last_branch; // 390; 0: still served
  bool gsp;        // the open kernel module takes it
};
bool table_pci(unsigned device, struct pci_row *); // strings are static

struct arch_row { // arch_support.csv: by compute capability
  const char *arch;
  int first_driver;         // the first branch that serves it, 570; 0: not known
  int last_branch;          // 0: still served
  const char *last_toolkit; // "12.9"; ""
  bool open_required;       // only the open kernel module serves it (Blackwell and later)
};
bool table_arch(int capability, struct arch_row *);

// cuda_driver.csv: the least driver for this CUDA by minor-version compatibility (since 11), before
// 11 the toolkit's own; and the toolkit's driver, which has every feature. NULL: not known.
const char *table_least_driver(int cuda);
const char *table_toolkit_driver(int cuda);
// The CUDA that a driver serves ("550.54.14": 12040), by its branch; of one newer than the table
// the table's newest. 0: not known.
int table_driver_cuda(const char *driver);

struct tensorflow_row { // tf_cuda.csv, tf_build_capabilities.csv
  int cuda;             // 12030
  int cudnn;            // 80900, as in facts.h
  const int *arch;      // as in facts.h; NULL: not known
  int archs;
};
bool table_tensorflow(const char *version, struct tensorflow_row *); // 2.16.1 finds 2.16.1 or 2.16
// tf_and_cuda_extra.csv: the version of a package ("nvidia-cudnn-cu12") that its extra and-cuda
// asks for at least; NULL: not known.
const char *table_tensorflow_pin(const char *version, const char *package);
struct torch_row { // torch_cuda.csv, torch_aarch64.csv
  int cudnn;
  const int *arch;
  int archs;
};
bool table_torch(const char *version, int cuda, bool aarch64, struct torch_row *);
int table_torch_default_cuda(const char *version); // of the wheel on PyPI for x86-64; 0: not known
struct onnxruntime_row {
  int cuda_major, cudnn_major;
};
bool table_onnxruntime(const char *version, struct onnxruntime_row *); // the PyPI build
// cudnn_cuda.csv: "libcudnn.so.8" for 80900; NULL
const char *table_cudnn_soname(int cudnn);
// sonames.csv: "libcufft.so.11" for (12030, "cufft"); NULL: not known, or that CUDA has no such
// library. cudart, cublas, cublasLt, cufft, curand, cusolver, cusparse, nvJitLink, nvrtc, cupti,
// nccl.
const char *table_soname(int cuda, const char *library);

struct error_row {
  const char *name, *meaning; // "CUDA_ERROR_NO_DEVICE", ""
};
bool table_error(const char *api, int code, struct error_row *); // api: "CUDA", "NVML"
#endif
