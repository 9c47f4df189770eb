// Drivers and the CUDA that they serve.
#include "table_bytes.h"
#include "table_rows.h"
#include "tables.h"
#include <pthread.h>

static struct toolkit {
  int cuda; // as the driver's own number for it
  const char *least, *driver;
} toolkit[128]; // one a release, its updates too
static int toolkits;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
  struct csv_rows csv =
      table_rows_open(table_cuda_driver, table_cuda_driver_length,
                      "cuda_release,cuda_version,cuDriverGetVersion,linux_min_driver_minor_compat,"
                      "linux_toolkit_driver,windows_toolkit_driver,note,source");
  char *cell[8];
  while (ROOM(toolkit, toolkits) && csv_rows_next(&csv, cell, 8) == 8)
    toolkit[toolkits++] = (struct toolkit){cuda_number(cell[1]), cell[3], cell[4]};
}

const char *table_toolkit_driver(int cuda) {
  pthread_once(&once, load);
  const char *least = NULL;
  for (int i = 0; i < toolkits; i++)
    if (toolkit[i].cuda == cuda && (!least || version_compare(toolkit[i].driver, least) < 0))
      least = toolkit[i].driver;
  return least;
}

const char *table_least_driver(int cuda) {
  if (cuda < 11000) return table_toolkit_driver(cuda);
  pthread_once(&once, load);
  for (int i = 0; i < toolkits; i++)
    if (toolkit[i].cuda / 1000 == cuda / 1000) return toolkit[i].least;
  return NULL;
}

int table_driver_cuda(const char *driver) {
  pthread_once(&once, load);
  int newest = 0;
  for (int i = 0; i < toolkits; i++)
    if (toolkit[i].cuda > newest && version_major(toolkit[i].driver) <= version_major(driver))
      newest = toolkit[i].cuda;
  return newest;
}
