// The doctor's tables: every row of every file is found again, and what is not in them is unknown.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "csv_rows.h"
#include "facts.h"
#include "tables.h"
#include <cmocka.h>

// Hands the rows of a file below its heading to `check`.
static void every_row(const char *name, int columns, int least, void (*check)(char *const *cell)) {
  char path[512];
  snprintf(path, sizeof path, "%s/host/doctor/tables/%s.csv", WHY_TEST_SOURCE, name);
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  enum { MOST = 1 << 20 };
  char *bytes = malloc(MOST);
  assert_non_null(bytes);
  size_t length = fread(bytes, 1, MOST, file);
  assert_true(length > 0 && length < MOST);
  fclose(file);
  struct csv_rows csv = csv_rows_of(bytes, length);
  char *cell[16];
  assert_int_equal(csv_rows_next(&csv, cell, 16), columns);
  assert_string_equal(cell[columns - 1], "source");
  for (int cells; (cells = csv_rows_next(&csv, cell, 16)) != 0;) {
    assert_int_equal(cells, columns);
    assert_true(strlen(cell[columns - 1]) > 0);
    check(cell);
  }
  assert_null(csv.fault);
  assert_true(csv.row - 1 >= least);
  free(bytes);
}

// "12.4", "12.4.1", "9": 12040, 12040, 9000.
static int cuda_of(const char *text) {
  int major = 0, minor = 0;
  assert_true(sscanf(text, "%d.%d", &major, &minor) >= 1);
  return major * 1000 + minor * 10;
}

static int cudnn_of(const char *text) {
  int major = 0, minor = 0, patch = 0;
  sscanf(text, "%d.%d.%d", &major, &minor, &patch);
  return major * 10000 + minor * 100 + patch;
}

static int capability_of(const char *text) {
  int major = 0, minor = 0;
  assert_true(sscanf(text, "%d.%d", &major, &minor) >= 1);
  return major * 10 + minor;
}

static bool listed(int value, const int *arch, int archs) {
  for (int i = 0; i < archs; i++)
    if (arch[i] == value) return true;
  return false;
}

static void same_architectures(const char *words, const int *arch, int archs) {
  char copy[256], *rest = copy;
  snprintf(copy, sizeof copy, "%s", words);
  int count = 0;
  for (char *word; (word = strtok_r(rest, " ", &rest)) != NULL;) {
    int number;
    if (sscanf(word, "sm_%d", &number) == 1) {
      assert_true(listed(number, arch, archs));
    } else if (sscanf(word, "compute_%d", &number) == 1) {
      assert_true(listed(ARCH_PTX + number, arch, archs));
    } else {
      number = capability_of(word);
      assert_true(listed(number, arch, archs));
      if (strstr(word, "+PTX")) {
        assert_true(listed(ARCH_PTX + number, arch, archs));
        count++;
      }
    }
    count++;
  }
  assert_int_equal(archs, count);
  assert_true(count ? arch != NULL : arch == NULL);
  for (int i = 1; i < archs; i++) assert_true(arch[i - 1] < arch[i]);
}

static void check_pci(char *const *cell) {
  struct pci_row row;
  assert_true(table_pci((unsigned)strtoul(cell[0], NULL, 16), &row));
  assert_string_equal(row.name, cell[1]);
  assert_string_equal(row.chip, cell[2]);
  assert_string_equal(row.arch, cell[3]);
  assert_int_equal(row.capability, capability_of(cell[4]));
  assert_int_equal(row.last_branch, atoi(cell[5]));
  assert_int_equal(row.gsp, !strcmp(cell[6], "yes"));
}

static void check_arch(char *const *cell) {
  struct arch_row row;
  int capability = capability_of(cell[1]);
  assert_true(table_arch(capability, &row));
  assert_string_equal(row.arch, cell[0]);
  assert_int_equal(row.first_driver, atoi(cell[4]));
  assert_string_equal(row.last_toolkit, cell[5]);
  assert_int_equal(row.last_branch, atoi(cell[6]));
  assert_int_equal(row.open_required, capability >= 100);
}

static void check_driver(char *const *cell) {
  int cuda = atoi(cell[2]);
  assert_int_equal(cuda_number(cell[1]), cuda);
  if (cuda >= 11000)
    assert_string_equal(table_least_driver(cuda), cell[3]);
  else
    assert_true(version_compare(table_least_driver(cuda), cell[3]) <= 0);
  assert_true(version_compare(table_toolkit_driver(cuda), cell[4]) <= 0);
  assert_int_equal(table_driver_cuda(cell[4]), cuda);
}

static void check_cudnn(char *const *cell) {
  assert_string_equal(table_cudnn_soname(cudnn_of(cell[0])), cell[4]);
}

static void check_error(char *const *cell) {
  struct error_row row;
  assert_true(table_error(cell[0], atoi(cell[1]), &row));
  assert_string_equal(row.name, cell[2]);
  assert_string_equal(row.meaning, cell[3]);
}

static void check_tensorflow(char *const *cell) {
  struct tensorflow_row row;
  assert_true(table_tensorflow(cell[1], &row));
  assert_int_equal(row.cuda, cuda_of(cell[2]));
  assert_int_equal(row.cudnn, cudnn_of(cell[3]));
}

static void check_capabilities(char *const *cell) {
  struct tensorflow_row row;
  assert_true(table_tensorflow(cell[0], &row));
  assert_int_equal(row.cuda, cuda_of(cell[1]));
  assert_int_equal(row.cudnn / 10000, cudnn_of(cell[2]) / 10000);
  same_architectures(cell[3], row.arch, row.archs);
}

static void check_pin(char *const *cell) {
  assert_string_equal(table_tensorflow_pin(cell[0], cell[2]), cell[3]);
  assert_string_equal(table_tensorflow_pin(cell[1], cell[2]), cell[3]);
}

static void check_torch(char *const *cell) {
  struct torch_row row;
  int cuda = cuda_of(cell[1]);
  assert_true(table_torch(cell[0], cuda, false, &row));
  assert_int_equal(row.cudnn, cudnn_of(cell[3]));
  same_architectures(cell[4], row.arch, row.archs);
  assert_int_equal(table_torch_default_cuda(cell[0]) == cuda, !strcmp(cell[2], "yes"));
}

static void check_torch_aarch64(char *const *cell) {
  struct torch_row row;
  assert_true(table_torch(cell[0], cuda_of(cell[1]), true, &row));
  assert_int_equal(row.cudnn, 0);
  same_architectures(cell[2], row.arch, row.archs);
}

static void check_onnxruntime(char *const *cell) {
  for (int i = 0; i < 2; i++) {
    struct onnxruntime_row row;
    const char *version = *cell[i] ? cell[i] : "1.99";
    assert_true(table_onnxruntime(version, &row));
    bool same = row.cuda_major == atoi(cell[2]) && row.cudnn_major == atoi(cell[3]);
    assert_int_equal(same, !strcmp(cell[4], "PyPI"));
  }
}

static void check_soname(char *const *cell) {
  int first = cuda_of(cell[0]);
  int last = *cell[1] ? cuda_of(cell[1]) : first + 90;
  assert_string_equal(table_soname(first, cell[2]), cell[3]);
  assert_string_equal(table_soname(last, cell[2]), cell[3]);
  assert_true(strncmp(cell[3], "lib", 3) == 0 && strstr(cell[3], cell[2]) == cell[3] + 3);
}

static void every_row_is_found(void **state) {
  (void)state;
  static const struct {
    const char *name;
    int columns, least;
    void (*check)(char *const *cell);
  } tables[] = {
      // clang-format off
      {"gpu_pci_cc",             8, 1216, check_pci},
      {"arch_support",          10,   25, check_arch},
      {"cuda_driver",            8,   63, check_driver},
      {"cudnn_cuda",             7,   11, check_cudnn},
      {"error_codes",            5,   59, check_error},
      {"tf_cuda",                8,   38, check_tensorflow},
      {"tf_build_capabilities",  6,    4, check_capabilities},
      {"tf_and_cuda_extra",      5,   36, check_pin},
      {"torch_cuda",             6,   50, check_torch},
      {"torch_aarch64",          4,    4, check_torch_aarch64},
      {"onnxruntime_cuda",       7,   13, check_onnxruntime},
      {"sonames",                5,   94, check_soname},
      // clang-format on
  };
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
    every_row(tables[i].name, tables[i].columns, tables[i].least, tables[i].check);
}

static void versions_compare_as_numbers(void **state) {
  (void)state;
  static const char *const less[][2] = {
      {"550.54", "550.54.14"},
      {"550.54.14", "1000"},
      {"535.104.05", "535.129.03"},
      {"9.9", "9.10"},
      {"450.80.02", "450.119"},
      {"", "1"},
      {"0", "1"},
      {"2.5.1+cpu", "2.6"},
      {"99999999998", "999999999990.1"},
  };
  for (size_t i = 0; i < sizeof less / sizeof *less; i++) {
    assert_true(version_compare(less[i][0], less[i][1]) < 0);
    assert_true(version_compare(less[i][1], less[i][0]) > 0);
  }
  static const char *const same[][2] = {
      {"", ""},      {"550.54.14", "550.54.14"}, {"2.5", "2.5.0"}, {"1.02", "1.2"},
      {"abc", "xy"}, {"2.5.1+cu124", "2.5.1"},   {"1.", "1"},      {"1..2", "1.x"},
  };
  for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
    assert_int_equal(version_compare(same[i][0], same[i][1]), 0);
    assert_int_equal(version_compare(same[i][1], same[i][0]), 0);
  }
  assert_int_equal(version_major("550.54.14"), 550);
  assert_int_equal(version_major("0"), 0);
  assert_int_equal(version_major(""), -1);
  assert_int_equal(version_major("v1"), -1);
  assert_int_equal(version_major("-1"), -1);
  assert_true(version_major("99999999999999999999") > 1000000);
}

static void cuda_has_one_number(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int number;
  } rows[] = {
      {"12.4", 12040},  {"12.4.1", 12040}, {"12.4.131-1", 12040},
      {"9", 9000},      {"10.2", 10020},   {"12.4+x", 12040},
      {"13.0 ", 13000}, {"", 0},           {"x", 0},
      {"12.", 0},       {"12.x", 0},       {"12a", 0},
      {"12.4a", 0},     {"0.1", 0},        {"123.4", 0},
      {"12.123", 0},    {"-12.4", 0},      {" 12.4", 0},
      {".4", 0},        {"cu124", 0},      {"4294967308.4", 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    assert_int_equal(cuda_number(rows[i].text), rows[i].number);
  char text[16];
  cuda_text(12040, text);
  assert_string_equal(text, "12.4");
  cuda_text(9000, text);
  assert_string_equal(text, "9.0");
  cuda_text(-5, text);
  assert_string_equal(text, "0.0");
  cuda_text(2147483647, text);
  assert_true(strlen(text) < sizeof text);
}

static void drivers_serve_a_cuda(void **state) {
  (void)state;
  static const struct {
    const char *driver;
    int cuda;
  } rows[] = {
      {"535.129.03", 12020}, {"550.54.14", 12040},
      {"550.163.01", 12040}, {"570.133.20", 12080},
      {"580.65", 13000},     {"525.147.05", 12000},
      {"530.41.03", 12010},  {"545.29", 12030},
      {"555.58", 12050},     {"560.35.05", 12060},
      {"565.57.01", 12070},  {"575.64", 12090},
      {"590.1", 13010},      {"595.45.04", 13020},
      {"450.248.02", 11000}, {"455.1", 11010},
      {"460.106", 11020},    {"465.31", 11030},
      {"470.256.02", 11040}, {"495.46", 11050},
      {"510.108", 11060},    {"515.105", 11070},
      {"520.61.05", 11080},  {"440.118", 10020},
      {"418.226", 10010},    {"410.129", 10000},
      {"396.54", 9020},      {"390.157", 9010},
      {"384.183", 9000},     {"375.82", 8000},
      {"367.57", 8000},      {"352.63", 0},
      {"600.1", 13020},      {"", 0},
      {"unknown", 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    assert_int_equal(table_driver_cuda(rows[i].driver), rows[i].cuda);

  assert_string_equal(table_least_driver(11080), "450.80.02");
  assert_string_equal(table_least_driver(12090), "525.60.13");
  assert_string_equal(table_least_driver(12990), "525.60.13"); // of a minor that is not listed too
  assert_string_equal(table_least_driver(13000), "580");
  assert_string_equal(table_least_driver(10020), "440.33");
  assert_string_equal(table_least_driver(8000), "367.48");
  assert_null(table_least_driver(10030));
  assert_null(table_least_driver(14000));
  assert_null(table_least_driver(0));
  assert_null(table_least_driver(-1));
  assert_string_equal(table_toolkit_driver(12040), "550.54.14");
  assert_string_equal(table_toolkit_driver(13000), "580.65.06");
  assert_null(table_toolkit_driver(12990));
}

static void gpus_are_known(void **state) {
  (void)state;
  struct pci_row pci;
  assert_true(table_pci(0x2330, &pci)); // H100 SXM
  assert_int_equal(pci.capability, 90);
  assert_int_equal(pci.last_branch, 0);
  assert_true(pci.gsp);
  assert_true(table_pci(0x13b0, &pci)); // Quadro M2000M
  assert_int_equal(pci.capability, 50);
  assert_int_equal(pci.last_branch, 580);
  assert_false(pci.gsp);
  assert_true(table_pci(0x0190, &pci));
  assert_int_equal(pci.capability, 10);
  assert_int_equal(pci.last_branch, 340);
  assert_false(table_pci(0, &pci));
  assert_false(table_pci(0xffff, &pci));
  assert_false(table_pci(0x12330, &pci));

  static const struct {
    int capability, first, last;
    bool open;
  } rows[] = {
      {10, 0, 340, false},   {20, 195, 390, false}, {35, 304, 470, false}, {50, 331, 580, false},
      {52, 340, 580, false}, {70, 384, 580, false}, {75, 410, 0, false},   {80, 450, 0, false},
      {86, 455, 0, false},   {87, 0, 0, false},     {89, 520, 0, false},   {90, 520, 0, false},
      {100, 570, 0, true},   {103, 575, 0, true},   {110, 580, 0, true},   {120, 570, 0, true},
      {121, 580, 0, true},
  };
  struct arch_row arch;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    assert_true(table_arch(rows[i].capability, &arch));
    assert_int_equal(arch.first_driver, rows[i].first);
    assert_int_equal(arch.last_branch, rows[i].last);
    assert_int_equal(arch.open_required, rows[i].open);
  }
  assert_true(table_arch(35, &arch));
  assert_string_equal(arch.last_toolkit, "11.8");
  assert_true(table_arch(61, &arch));
  assert_string_equal(arch.last_toolkit, "12.9");
  assert_true(table_arch(90, &arch));
  assert_string_equal(arch.last_toolkit, "");
  assert_false(table_arch(0, &arch));
  assert_false(table_arch(130, &arch));
  assert_false(table_arch(-1, &arch));
}

static void every_gpu_has_an_architecture(char *const *cell) {
  struct pci_row pci;
  struct arch_row arch;
  assert_true(table_pci((unsigned)strtoul(cell[0], NULL, 16), &pci));
  assert_true(table_arch(pci.capability, &arch));
  assert_int_equal(pci.last_branch, arch.last_branch);
  assert_int_equal(pci.gsp, pci.capability >= 75);
}

static void pci_ids_and_architectures_agree(void **state) {
  (void)state;
  every_row("gpu_pci_cc", 8, 1216, every_gpu_has_an_architecture);
}

static void tensorflow_is_known_by_its_minor(void **state) {
  (void)state;
  struct tensorflow_row row;
  assert_true(table_tensorflow("2.16.2", &row));
  assert_int_equal(row.cuda, 12030);
  assert_int_equal(row.cudnn, 80900);
  same_architectures("sm_50 sm_60 sm_70 sm_80 compute_90", row.arch, row.archs);
  assert_true(table_tensorflow("2.8.4", &row));
  same_architectures("sm_35 sm_50 sm_60 sm_70 sm_75 compute_80", row.arch, row.archs);
  assert_true(table_tensorflow("2.4.1", &row)); // without architectures
  assert_int_equal(row.cuda, 11000);
  assert_int_equal(row.cudnn, 80000);
  assert_null(row.arch);
  assert_int_equal(row.archs, 0);
  assert_true(table_tensorflow("1.12.3", &row));
  assert_int_equal(row.cuda, 9000);
  assert_true(table_tensorflow("2.17.0+nv25.2", &row));
  assert_int_equal(row.cuda, 12080);
  assert_int_equal(row.cudnn, 90000);
  static const char *const unknown[] = {"",    "two.2",   "2.99.0",         "0.12",
                                        "two", "2.16rc1", "2.17.0+nv99.12", "99999999999.1"};
  for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
    assert_false(table_tensorflow(unknown[i], &row));
  assert_string_equal(table_tensorflow_pin("2.20.0", "nvidia-cudnn-cu12"), "9.3.0.75");
  assert_string_equal(table_tensorflow_pin("2.16.1", "nvidia-cudnn-cu12"), "8.9.7.29");
  assert_null(table_tensorflow_pin("2.17.0", "nvidia-cudnn-cu12"));
  assert_null(table_tensorflow_pin("2.20.0", "numpy"));
}

static void torch_is_known_by_its_minor_and_cuda(void **state) {
  (void)state;
  struct torch_row row;
  assert_true(table_torch("2.7.1", 12080, false, &row));
  same_architectures("7.5 8.0 8.6 9.0 10.0 12.0+PTX", row.arch, row.archs);
  assert_int_equal(row.archs, 7);
  assert_int_equal(row.arch[6], ARCH_PTX + 120);
  assert_int_equal(row.cudnn, 0);
  assert_true(table_torch("2.8.0+cu128", 12080, false, &row));
  assert_int_equal(row.arch[0], 70);
  assert_int_equal(row.cudnn, 91002);
  assert_true(table_torch("1.13.1", 11070, false, &row));
  assert_int_equal(row.cudnn, 80500);
  assert_null(row.arch);
  assert_true(table_torch("2.3.0", 12010, false, &row)); // as 2.1
  assert_int_equal(row.archs, 7);
  assert_true(table_torch("2.11.0", 12060, true, &row));
  same_architectures("8.0 9.0", row.arch, row.archs);
  assert_false(table_torch("2.5.1", 12040, true, &row));
  assert_false(table_torch("2.5.1", 12060, false, &row));
  assert_false(table_torch("2.5.0a0+git12ab", 12040, false, &row));
  assert_false(table_torch("2.5.1+cpu", 12040, false, &row));
  assert_false(table_torch("", 12040, false, &row));
  assert_int_equal(table_torch_default_cuda("2.5.1"), 12040);
  assert_int_equal(table_torch_default_cuda("2.11.0"), 13000);
  assert_int_equal(table_torch_default_cuda("1.12.1"), 10020);
  assert_int_equal(table_torch_default_cuda("1.9.0"), 0);
  assert_int_equal(table_torch_default_cuda("3.0"), 0);
}

static void onnxruntime_is_known_by_its_minor(void **state) {
  (void)state;
  static const struct {
    const char *version;
    int cuda, cudnn;
  } rows[] = {
      {"1.4.0", 10, 7},  {"1.6.0", 10, 8},  {"1.15.1", 11, 8}, {"1.18.1", 11, 8}, {"1.19.0", 12, 9},
      {"1.20.1", 12, 9}, {"1.23.2", 12, 9}, {"1.26.0", 12, 9}, {"1.27.0", 13, 9},
  };
  struct onnxruntime_row row;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    assert_true(table_onnxruntime(rows[i].version, &row));
    assert_int_equal(row.cuda_major, rows[i].cuda);
    assert_int_equal(row.cudnn_major, rows[i].cudnn);
  }
  assert_false(table_onnxruntime("0.5.0", &row));
  assert_false(table_onnxruntime("2.0.0", &row));
  assert_false(table_onnxruntime("", &row));
  assert_false(table_onnxruntime("1.20.0.dev1", &row));
}

static void libraries_have_their_names(void **state) {
  (void)state;
  static const struct {
    int cuda;
    const char *library, *name; // NULL: not known
  } rows[] = {
      // clang-format off
      {12030, "cufft",     "libcufft.so.11"},    {11020, "cudart",   "libcudart.so.11.0"},
      {11020, "cusolver",  "libcusolver.so.11"}, {11000, "cusolver", "libcusolver.so.10"},
      {13000, "cublas",    "libcublas.so.13"},   {13000, "cufft",    "libcufft.so.12"},
      {13000, "curand",    "libcurand.so.10"},   {13000, "cusolver", "libcusolver.so.12"},
      {13020, "cusparse",  "libcusparse.so.12"}, {10010, "cudart",   "libcudart.so.10.1"},
      {10000, "cudart",    "libcudart.so.10.0"}, {10000, "cublas",   "libcublas.so.10.0"},
      {10010, "cublas",    "libcublas.so.10"},   {10020, "cublasLt", "libcublasLt.so.10"},
      {12040, "nvJitLink", "libnvJitLink.so.12"},{12090, "cusparse", "libcusparse.so.12"},
      {11070, "nvrtc",     "libnvrtc.so.11.2"},  {11080, "cupti",    "libcupti.so.11.8"},
      {12000, "nccl",      "libnccl.so.2"},      {13030, "cudart",   "libcudart.so.13"},
      {11080, "nvJitLink", NULL},                {10000, "cublasLt", NULL},
      {14000, "cudart",    NULL},                {12000, "cufft12",  NULL},
      {0,     "cudart",    NULL},                {12000, "",         NULL},
      // clang-format on
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const char *name = table_soname(rows[i].cuda, rows[i].library);
    if (rows[i].name)
      assert_string_equal(name, rows[i].name);
    else
      assert_null(name);
  }
  assert_string_equal(table_cudnn_soname(80900), "libcudnn.so.8");
  assert_string_equal(table_cudnn_soname(91002), "libcudnn.so.9");
  assert_string_equal(table_cudnn_soname(70600), "libcudnn.so.7");
  assert_string_equal(table_cudnn_soname(50100), "libcudnn.so.5");
  assert_null(table_cudnn_soname(0));
  assert_null(table_cudnn_soname(990000));
  assert_null(table_cudnn_soname(-1));
}

static void errors_have_words(void **state) {
  (void)state;
  struct error_row row;
  assert_true(table_error("CUDA", 100, &row));
  assert_string_equal(row.name, "CUDA_ERROR_NO_DEVICE");
  assert_true(table_error("NVML", 18, &row));
  assert_string_equal(row.name, "NVML_ERROR_LIB_RM_VERSION_MISMATCH");
  assert_string_equal(row.meaning, "\"Driver/library version mismatch\" (nvidia-smi exits 18)");
  assert_true(table_error("CUDA", 0, &row));
  assert_string_equal(row.meaning, "");
  assert_false(table_error("CUDA", 12345, &row));
  assert_false(table_error("", 0, &row));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_row_is_found),
      cmocka_unit_test(versions_compare_as_numbers),
      cmocka_unit_test(cuda_has_one_number),
      cmocka_unit_test(drivers_serve_a_cuda),
      cmocka_unit_test(gpus_are_known),
      cmocka_unit_test(pci_ids_and_architectures_agree),
      cmocka_unit_test(tensorflow_is_known_by_its_minor),
      cmocka_unit_test(torch_is_known_by_its_minor_and_cuda),
      cmocka_unit_test(onnxruntime_is_known_by_its_minor),
      cmocka_unit_test(libraries_have_their_names),
      cmocka_unit_test(errors_have_words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
