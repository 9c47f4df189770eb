// Numbers for people: "1.5 GiB", "12.3 us". For text output only; files carry plain numbers.
#ifndef WHY_HUMAN_H
#define WHY_HUMAN_H
#include "whycpu.h"

struct why_human {
  char text[32];
};
WHY_API struct why_human why_human_bytes(double bytes);     // up to 4 digits, binary units
WHY_API struct why_human why_human_seconds(double seconds); // "-" for NAN
// A need or have in its reason's unit.
WHY_API struct why_human why_human_number(enum why_reason, double);
#endif
