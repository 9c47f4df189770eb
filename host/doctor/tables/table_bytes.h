// The tables as they were built in, by the names of their files: made by cmake/tables.cmake. Each
// is split where it lies by the one file that reads it (table_rows.h), so they are not const.
#ifndef WHY_TABLE_BYTES_H
#define WHY_TABLE_BYTES_H
#include <stddef.h>

#define TABLE(name)                                                                                \
  extern unsigned char table_##name[];                                                             \
  extern const size_t table_##name##_length
TABLE(arch_support);
TABLE(cuda_driver);
TABLE(cudnn_cuda);
TABLE(error_codes);
TABLE(gpu_pci_cc);
TABLE(onnxruntime_cuda);
TABLE(sonames);
TABLE(tf_and_cuda_extra);
TABLE(tf_build_capabilities);
TABLE(tf_cuda);
TABLE(torch_aarch64);
TABLE(torch_cuda);
#undef TABLE
#endif
