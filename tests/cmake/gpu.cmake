# What needs a GPU; `make test` leaves it out, tools/gpu-check.sh runs it. Where there is none, each
# says so and is skipped.

# The real backends, through every plan.
why_test(gpu_plans SOURCES tests/gpu/test_plans.c tests/plans/every_kernel.c tests/emulated.c
         LABELS gpu TIMEOUT 120)
foreach(backend cuda cublas cudnn)
  if(TARGET gpu_plans AND TARGET backend_${backend})
    add_dependencies(gpu_plans backend_${backend})
  endif()
endforeach()

# why_gpu_test(NAME source [objects...]): a test that runs under emulation elsewhere, compiled by
# nvcc, through a file that includes it, because the host compiler compiles the same source.
function(why_gpu_test name source)
  if(NOT nvcc_found)
    why_skip(${name} "${nvcc_why}" LABELS gpu)
    return()
  endif()
  set(wrapper ${CMAKE_BINARY_DIR}/generated/gpu/${name}.cu)
  file(CONFIGURE OUTPUT ${wrapper} CONTENT "#include \"${CMAKE_SOURCE_DIR}/${source}\"\n" @ONLY)
  why_test(${name} SOURCES ${wrapper} ${ARGN} LABELS gpu TIMEOUT 120)
  if(TARGET ${name})
    target_compile_options(${name} PRIVATE ${nvcc_flags})
  endif()
endfunction()
why_gpu_test(gpu_ptx tests/emulation/test_ptx.cpp)
why_gpu_test(gpu_conversions tests/emulation/test_conversions.cpp)
if(nvcc_found) # with the kernels as the plug-in has them
  set(gpu_kernels $<TARGET_OBJECTS:backend_cuda>)
endif()
why_gpu_test(gpu_kernels_gemm tests/kernels/gemm_test.cpp ${gpu_kernels})
why_gpu_test(gpu_kernels_softmax tests/kernels/softmax_test.cpp ${gpu_kernels})
why_gpu_test(gpu_kernels_conv2d tests/kernels/conv2d_test.cpp ${gpu_kernels})
