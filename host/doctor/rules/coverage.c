#include "coverage.h"
#include <string.h>

static bool tegra(int arch) {
  static const int of[] = {32, 53, 62, 72, 87, 101, 110};
  for (size_t i = 0; i < sizeof of / sizeof of[0]; i++)
    if (of[i] == arch) return true;
  return false;
}

enum covered coverage(const struct build *build, int capability) {
  enum covered best = COVERED_NOT;
  for (int i = 0; i < build->archs; i++) {
    int arch = build->arch[i];
    if (arch >= ARCH_PTX) {
      if (arch - ARCH_PTX <= capability && best == COVERED_NOT) best = COVERED_PTX;
    } else if (arch / 10 == capability / 10 && arch <= capability &&
               tegra(arch) == tegra(capability)) {
      best = COVERED_CODE;
    }
  }
  return best;
}

const char *archs_text(struct arena *arena, const struct build *build) {
  const char *text = "";
  for (int i = 0; i < build->archs; i++) {
    int arch = build->arch[i];
    text = arena_print(arena, "%s%s%s%d", text, *text ? " " : "",
                       arch >= ARCH_PTX ? "compute_" : "sm_", arch % ARCH_PTX);
  }
  return text;
}
