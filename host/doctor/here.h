// What stands between this process and a GPU, asked when a backend is loaded: the doctor's probes
// and rules, with the driver's answers to this process itself.
#ifndef WHY_HERE_H
#define WHY_HERE_H
#include "whycpu.h"

// WHY_OK; or NO_HARDWARE, NO_DRIVER, NO_DEVICE, with the system's own words in the note and the
// doctor's id, which is static, as the cause; "" where it cannot tell. `root`: the file system to
// look in, "/" but for tests. *driver: the CUDA version that the driver serves; 0: it did not say.
enum why_reason here_gpu(const char *root, int *driver, char *note, size_t size,
                         const char **cause);
// Why a plug-in could not be loaded: the id of the first cause among builds and libraries; "".
const char *here_plugin(const char *path);
#endif
