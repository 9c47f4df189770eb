#include "gather.h"

void gather(struct facts *f, const struct ask *ask) {
  f->framework = ask->framework;
  probe_process(f, ask);
  probe_scope(f);
  probe_pci(f);
  probe_kernel(f);
  probe_log(f);
  probe_nodes(f);
  probe_container(f);
  probe_driver(f);
  probe_gpu(f);
  if (!ask->machine_only) probe_build(f, ask);
}
