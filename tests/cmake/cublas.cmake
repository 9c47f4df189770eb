# The cublas plug-in against a fake libcublasLt: needs the header, neither the library nor a GPU.
find_package(CUDAToolkit QUIET)
find_path(CUBLASLT_INCLUDE_DIR cublasLt.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
find_library(CMOCKA_LIBRARY cmocka)
if(CUBLASLT_INCLUDE_DIR AND CMOCKA_LIBRARY)
  # The fake takes the place of the header's own library: same soname, same version of its symbols.
  file(STRINGS ${CUBLASLT_INCLUDE_DIR}/cublas_api.h CUBLASLT_MAJOR
    REGEX "^#define CUBLAS_VER_MAJOR [0-9]+")
  string(REGEX MATCH "[0-9]+" CUBLASLT_MAJOR "${CUBLASLT_MAJOR}")
  set(fake_dir ${CMAKE_CURRENT_BINARY_DIR}/tests/fakes)
  configure_file(tests/fakes/cublaslt.map.in ${fake_dir}/cublaslt.map @ONLY)
  add_library(fake_cublaslt SHARED tests/fakes/cublaslt.c)
  set_target_properties(fake_cublaslt PROPERTIES
    OUTPUT_NAME cublasLt SOVERSION ${CUBLASLT_MAJOR} LIBRARY_OUTPUT_DIRECTORY ${fake_dir}
    C_VISIBILITY_PRESET default LINK_DEPENDS ${fake_dir}/cublaslt.map)
  target_include_directories(fake_cublaslt PRIVATE host kernels)
  target_include_directories(fake_cublaslt SYSTEM PUBLIC ${CUBLASLT_INCLUDE_DIR})
  target_link_options(fake_cublaslt PRIVATE -Wl,--version-script=${fake_dir}/cublaslt.map)
  target_link_libraries(fake_cublaslt PRIVATE m dl)

  # For --emulate too: the program with this folder as its plug-in folder computes on the host.
  add_library(cublas_on_fake MODULE kernels/cublas.c)
  set_target_properties(cublas_on_fake PROPERTIES
    OUTPUT_NAME whycpu-cublas LIBRARY_OUTPUT_DIRECTORY ${fake_dir})
  target_include_directories(cublas_on_fake PRIVATE host)
  target_link_libraries(cublas_on_fake PRIVATE fake_cublaslt m)

  add_executable(test_cublas tests/unit/test_cublas.c)
  target_include_directories(test_cublas PRIVATE host kernels tests/fakes)
  target_compile_definitions(test_cublas PRIVATE PLUGIN="$<TARGET_FILE:cublas_on_fake>")
  target_link_libraries(test_cublas PRIVATE fake_cublaslt ${CMOCKA_LIBRARY} m dl)
  add_dependencies(test_cublas cublas_on_fake)
  add_test(NAME cublas COMMAND test_cublas)
else()
  message(STATUS "test_cublas is left out: it needs cublasLt.h and cmocka")
endif()
