# The emulation of CUDA, its PTX wrappers, and the emulated plug-in.
if(TARGET emulation)
  foreach(part threads shared memory queues graphs ptx conversions)
    why_test(emulation_${part} SOURCES ${PROJECT_SOURCE_DIR}/tests/emulation/test_${part}.cpp
             LIBS emulation LABELS emulation)
  endforeach()
  why_test(emulation_backend SOURCES ${PROJECT_SOURCE_DIR}/tests/emulation/test_backend.c
           LABELS emulation)
  add_dependencies(emulation_backend backend_cuda-emulated)
endif()
