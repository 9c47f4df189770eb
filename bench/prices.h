// What machines cost, as a user writes it: a CSV file with the columns machine and price_per_hour,
// and if wanted memory (this price is for so much device memory), currency, note. Leaves out
// converting currencies: one file, one currency.
#ifndef BENCH_PRICES_H
#define BENCH_PRICES_H
#include "whycpu.h"

enum { PRICE_NAME = 256, PRICE_CURRENCY = 16 };
struct price {
  char machine[PRICE_NAME];
  double per_hour;
  uint64_t memory_bytes; // WHY_UNLIMITED: all that the machine has
  int line;              // of the file
};
struct prices {
  const char *path;
  struct price *row; // owned: prices_free
  int count;
  char currency[PRICE_CURRENCY]; // "" if the file does not say
};
// STATUS_OK, or the status to return, its line printed.
int prices_read(const char *path, struct prices *);
void prices_free(struct prices *);
#endif
