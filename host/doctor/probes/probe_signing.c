// Does the kernel take unsigned modules: Secure Boot, the kernel's lockdown, and its own setting.
#include "probe_kernel.h"

enum { EFI_ATTRIBUTES = 4 }; // bytes before a variable's value

static void settle(struct facts *f, enum known known, const char *path, const char *text) {
  f->kernel.secure_boot = known;
  f->kernel.secure_boot_path = path;
  f->kernel.secure_boot_text = text;
}

#define EFI "/sys/firmware/efi"
#define VARIABLE EFI "/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

static void read_variable(struct facts *f) {
  struct text text = root_text(f->root, 64, VARIABLE);
  settle(f, UNKNOWN, text.path, "");
  if (text.there == THERE && text.length > EFI_ATTRIBUTES) {
    bool on = text.text[EFI_ATTRIBUTES] == 1;
    settle(f, on ? YES : NO, text.path, on ? "01: Secure Boot is on" : "00: Secure Boot is off");
    return;
  }
  // A machine that did not start by EFI has no such folder; a container may not be shown it.
  if (text.there == ABSENT && f->scope.container != YES && root_stat(f->root, NULL, EFI) == ABSENT)
    settle(f, NO, EFI, "not there: started without EFI");
}

void kernel_signing(struct facts *f) {
  struct kernel *k = &f->kernel;
  read_variable(f);
  k->lockdown = text_trimmed(f->arena, root_text(f->root, 256, "/sys/kernel/security/lockdown"));
  struct text enforced = root_text(f->root, 64, "/sys/module/module/parameters/sig_enforce");
  struct slice lockdown = slice_text(&k->lockdown);
  if (k->secure_boot == YES) return;
  if (slice_has(lockdown, "[integrity]") || slice_has(lockdown, "[confidentiality]"))
    settle(f, YES, k->lockdown.path, k->lockdown.text);
  else if (slice_begins(slice_text(&enforced), "Y"))
    settle(f, YES, enforced.path, "Y: modules have to be signed");
}
