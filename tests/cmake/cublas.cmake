# The cublas plug-in against a fake libcublasLt: needs the header, neither the library nor a GPU,
# so it runs in sanitizer builds as well, where the plug-in itself is left out.
find_path(fake_cublaslt_include cublasLt.h HINTS ${cublas_include} ${cublas_places}
          PATH_SUFFIXES include)
mark_as_advanced(fake_cublaslt_include)
if(NOT fake_cublaslt_include)
  why_skip(test_cublas "no cublasLt.h was found" LABELS unit faults)
  why_skip(test_cublas_emulated "no cublasLt.h was found" LABELS emulation faults)
  return()
endif()

# The fake takes the place of the header's own library: same soname, same version of its symbols.
file(STRINGS ${fake_cublaslt_include}/cublas_api.h major REGEX "define CUBLAS_VER_MAJOR [0-9]+")
string(REGEX MATCH "[0-9]+" CUBLASLT_MAJOR "${major}")
set(fake_folder ${CMAKE_BINARY_DIR}/tests/fakes)
configure_file(${CMAKE_SOURCE_DIR}/tests/fakes/cublaslt.map.in ${fake_folder}/cublaslt.map @ONLY)
add_library(fake_cublaslt SHARED tests/fakes/cublaslt.c tests/fakes/emulation.c)
set_target_properties(fake_cublaslt PROPERTIES
  OUTPUT_NAME cublasLt SOVERSION ${CUBLASLT_MAJOR} LIBRARY_OUTPUT_DIRECTORY ${fake_folder}
  C_VISIBILITY_PRESET default LINK_DEPENDS ${fake_folder}/cublaslt.map)
target_include_directories(fake_cublaslt PRIVATE host kernels)
target_include_directories(fake_cublaslt SYSTEM PUBLIC ${fake_cublaslt_include})
target_link_options(fake_cublaslt PRIVATE -Wl,--version-script=${fake_folder}/cublaslt.map)
target_link_libraries(fake_cublaslt PRIVATE m dl)

# The plug-in on it, beside the emulated devices: a plug-in folder in which all of cublas.c runs.
# DT_RPATH, since DT_RUNPATH would give way to a real library in LD_LIBRARY_PATH.
file(CREATE_LINK ${CMAKE_BINARY_DIR}/lib/whycpu/libwhycpu-cuda-emulated.so
     ${fake_folder}/libwhycpu-cuda-emulated.so SYMBOLIC)
add_library(cublas_on_fake MODULE kernels/cublas.c kernels/trial.c)
set_target_properties(cublas_on_fake PROPERTIES
  OUTPUT_NAME whycpu-cublas LIBRARY_OUTPUT_DIRECTORY ${fake_folder})
target_include_directories(cublas_on_fake PRIVATE host)
target_link_options(cublas_on_fake PRIVATE -Wl,--disable-new-dtags)
target_link_libraries(cublas_on_fake PRIVATE fake_cublaslt m)

function(test_on_fake name)
  why_test(${name} SOURCES tests/unit/${name}.c tests/fakes/device.c tests/fakes/on_fake.c LIBS fake_cublaslt ${ARGN})
  if(TARGET ${name})
    target_link_options(${name} PRIVATE -Wl,--disable-new-dtags)
    target_compile_definitions(${name} PRIVATE
      PLUGINS="${fake_folder}" PLUGIN="$<TARGET_FILE:cublas_on_fake>")
    add_dependencies(${name} cublas_on_fake)
  endif()
endfunction()
test_on_fake(test_cublas LABELS unit faults)
test_on_fake(test_cublas_emulated LABELS emulation faults)
if(TARGET test_cublas_emulated AND TARGET backend_cuda-emulated)
  add_dependencies(test_cublas_emulated backend_cuda-emulated)
endif()
