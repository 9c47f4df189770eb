# The hand-written CUDA kernels, each variant called without dispatch, under emulation: once in
# order and twice shuffled. Under a sanitizer once: it finds the same reads in any order.
if(TARGET emulation AND cmocka_found)
  set(kernels_wrapped ${CMAKE_BINARY_DIR}/generated/emulated)
  set(kernels_of_gemm ${kernels_wrapped}/gemm.cpp ${kernels_wrapped}/gemm_mma.cpp)
  set(kernels_of_softmax ${kernels_wrapped}/softmax.cpp)
  set(kernels_of_conv2d ${kernels_wrapped}/conv2d.cpp ${kernels_wrapped}/conv2d_mma.cpp)
  foreach(op gemm softmax conv2d)
    why_test(kernels_${op} SOURCES ${PROJECT_SOURCE_DIR}/tests/kernels/${op}_test.cpp
             ${kernels_of_${op}} LIBS emulation LABELS emulation TIMEOUT 300)
    if(NOT WHYCPU_SANITIZE)
      foreach(seed 1 2)
        add_test(NAME kernels_${op}_seed${seed} COMMAND kernels_${op})
        set_tests_properties(kernels_${op}_seed${seed} PROPERTIES
          LABELS emulation TIMEOUT 300 ENVIRONMENT EMU_SEED=${seed})
      endforeach()
    endif()
  endforeach()
endif()
