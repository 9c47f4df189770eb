// Numbers for people: "1.5 GiB", "12.3 us". For text output only; files carry plain numbers.
#ifndef WHY_HUMAN_H
#define WHY_HUMAN_H
#include "whycpu.h"

struct why_human {
  char text[32];
};
WHY_API struct why_human why_human_bytes(double bytes);     // up to 4 digits, binary units
WHY_API struct why_human why_human_seconds(double seconds); // "-" for NAN
// A need and a have in their reason's unit; all the digits where fewer would look the same.
struct why_human_pair {
  struct why_human need, have;
};
WHY_API struct why_human_pair why_human_numbers(enum why_reason, double need, double have);
#endif
