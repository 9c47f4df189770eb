#include "version.h" // made by the build: cmake/version.cmake
#include "program.h"

const char program_version[] = WHY_VERSION, program_commit[] = WHY_COMMIT;
