# The CPU kernels, the thread pool, the ceilings, and the programs that compare with other libraries.
foreach(variant portable avx2 avx512) # the exponential inside each vectorised softmax
  add_library(exp_${variant} OBJECT EXCLUDE_FROM_ALL tests/unit/vector_exp.c)
  target_include_directories(exp_${variant} PRIVATE host kernels)
  target_compile_definitions(exp_${variant} PRIVATE EXP_NAME=exp_${variant}
    SOFTMAX_SOURCE="plain_softmax_${variant}.c" plain_softmax_${variant}=exp_source_${variant})
  list(APPEND exp_objects $<TARGET_OBJECTS:exp_${variant}>)
endforeach()
# It asks for more memory than there is; AddressSanitizer must answer NULL as malloc does.
why_test(test_cpu_kernels SOURCES tests/unit/test_cpu_kernels.c ${exp_objects} LABELS unit
         TIMEOUT 300 ENVIRONMENT ASAN_OPTIONS=allocator_may_return_null=1)
why_test(test_cpu_conv2d SOURCES tests/unit/test_cpu_conv2d.c LABELS unit)
if(TARGET test_cpu_kernels AND TARGET backend_openblas)
  add_dependencies(test_cpu_kernels backend_openblas)
  add_dependencies(test_cpu_conv2d backend_openblas)
endif()
# Forking is what the pool is tested for; ThreadSanitizer stops there unless told otherwise.
why_test(test_plain_threads SOURCES tests/unit/test_plain_threads.c LABELS unit
         ENVIRONMENT TSAN_OPTIONS=die_after_fork=0)
why_test(test_ceilings LABELS unit SOURCES tests/unit/test_ceilings.c)
why_test(test_figures LABELS emulation SOURCES tests/unit/test_figures.c)
if(TARGET test_figures)
  add_dependencies(test_figures backend_cuda-emulated)
endif()
why_test(test_roof LABELS unit SOURCES tests/unit/test_roof.c tests/fixture.c)
include(${CMAKE_SOURCE_DIR}/bench/peers/peers.cmake)
