# The plug-in libwhycpu-cuda-emulated.so: the sources of the cuda backend, compiled by the host
# compiler against cuda_runtime.h of this folder. Each .cu goes through a file that includes it,
# because the cuda backend beside it compiles the same .cu as CUDA.
set(emulation_folder ${CMAKE_CURRENT_LIST_DIR})
cmake_path(GET emulation_folder PARENT_PATH emulation_kernels)
file(GLOB emulation_sources CONFIGURE_DEPENDS ${emulation_folder}/*.cpp)
file(GLOB emulation_cuda CONFIGURE_DEPENDS ${emulation_kernels}/*.cu)
set(emulated_sources "")
foreach(source ${emulation_cuda})
  cmake_path(GET source STEM name)
  set(wrapper ${CMAKE_BINARY_DIR}/generated/emulated/${name}.cpp)
  file(CONFIGURE OUTPUT ${wrapper} CONTENT "#include \"${source}\"\n" @ONLY)
  list(APPEND emulated_sources ${wrapper})
endforeach()

# `emulation` is for tests that compile kernels of their own, too.
add_library(emulation_headers INTERFACE)
target_include_directories(emulation_headers BEFORE INTERFACE
  ${emulation_folder} ${emulation_kernels} ${CMAKE_SOURCE_DIR}/host)
target_compile_options(emulation_headers INTERFACE -Wno-unknown-pragmas) # nvcc's #pragma unroll
target_link_libraries(emulation_headers INTERFACE pthread ${CMAKE_DL_LIBS} m)

add_library(emulation OBJECT ${emulation_sources})
target_link_libraries(emulation PUBLIC emulation_headers)

add_backend(cuda-emulated ${emulated_sources})
target_link_libraries(backend_cuda-emulated PRIVATE emulation)
