# The hand-written CUDA kernels, each variant called without dispatch, under emulation: once in
# order and twice shuffled.
if(TARGET emulation AND cmocka_found)
  set(kernels_wrapped ${CMAKE_BINARY_DIR}/generated/emulated)
  set(gemm_kernels ${kernels_wrapped}/gemm.cpp ${kernels_wrapped}/gemm_mma.cpp)
  set(softmax_kernels ${kernels_wrapped}/softmax.cpp)
  foreach(op gemm softmax)
    why_test(kernels_${op} SOURCES ${PROJECT_SOURCE_DIR}/tests/kernels/${op}_test.cpp
             ${${op}_kernels} LIBS emulation LABELS emulation TIMEOUT 300)
    foreach(seed 1 2)
      add_test(NAME kernels_${op}_seed${seed} COMMAND kernels_${op})
      set_tests_properties(kernels_${op}_seed${seed} PROPERTIES
        LABELS emulation TIMEOUT 300 ENVIRONMENT EMU_SEED=${seed})
    endforeach()
  endforeach()
endif()
