// A backend plug-in for loading tests. FAKE_SLOT names the slot it plays; "cuda" brings a device.
// FAKE_OPEN=NAME in the environment makes open() refuse with that reason, FAKE_NO_DEVICES leaves
// it without one, FAKE_ATTACH makes attach() fail. It has the gemm kernels named in `knows`.
#include "whycpu.h"
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT int fake_opens, fake_closes, fake_detaches;
EXPORT uint64_t fake_emulated_bytes;
EXPORT int fake_emulated_capability;

static enum why_reason fake_bind(struct why_device *on) {
  (void)on;
  return WHY_OK;
}

static struct why_device device = {.bind = fake_bind,
                                   .refresh = fake_bind,
                                   .facts = {.name = "a fake GPU",
                                             .backend = "cuda",
                                             .pci = "FFFF:FF:1F.7",
                                             .capability = 90,
                                             .memory_bytes = 1 << 20,
                                             .free_bytes = 1 << 20}};

static enum why_reason refuse(struct why_verdict *why) {
  const char *name = getenv("FAKE_OPEN");
  if (!name) return WHY_OK;
  why->need = 13000;
  why->have = 12080;
  why->note = "the words of open";
  why->cause = "driver-too-old";
  return strcmp(name, "DRIVER_OLD") == 0 ? WHY_DRIVER_OLD : WHY_NO_DEVICE;
}

static enum why_reason open_(struct why_backend *backend, struct why_verdict *why) {
  fake_opens++;
  backend->version = "fake 1.2.3";
  backend->device = &device;
  backend->devices = strcmp(FAKE_SLOT, "cuda") == 0 && !getenv("FAKE_NO_DEVICES");
  return refuse(why);
}

static void close_(struct why_backend *backend) {
  backend->devices = 0;
  fake_closes++;
}

static enum why_reason attach(struct why_backend *backend, struct why_device *on, void **state,
                              struct why_verdict *why) {
  (void)backend;
  why->note = "";
  *state = on;
  return getenv("FAKE_ATTACH") ? WHY_ALLOC_FAILED : WHY_OK;
}

static void detach(struct why_backend *backend, struct why_device *on, void *state) {
  (void)backend;
  fake_detaches += state == on ? 1 : 1000; // only what was attached may be detached
}

static enum why_reason run(struct why_call *call) {
  (void)call;
  return WHY_OK;
}

static const struct why_code *find(const char *op, const char *kernel) {
  static const struct why_code code = {.run = run};
  static const char *const knows[] = {"cblas", "tiled", "lt"};
  for (size_t i = 0; i < sizeof knows / sizeof *knows; i++)
    if (!strcmp(op, "gemm") && !strcmp(kernel, knows[i])) return &code;
  return NULL;
}

EXPORT void whycpu_emulate(uint64_t bytes, int capability) {
  fake_emulated_bytes = bytes;
  fake_emulated_capability = capability;
}

EXPORT struct why_backend whycpu_backend = {.abi = WHY_ABI,
                                            .name = FAKE_SLOT,
                                            .build = "for tests",
                                            .open = open_,
                                            .close = close_,
                                            .attach = attach,
                                            .detach = detach,
                                            .find = find};
