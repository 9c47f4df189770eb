# Machine files, JSON, and loading. The plug-ins below stand in folders of their own, one a way of
# going wrong; the fake driver is found through LD_LIBRARY_PATH.
why_test(test_json SOURCES tests/unit/test_json.c LABELS unit)
why_test(test_machine_file SOURCES tests/unit/test_machine_file.c LABELS unit)
why_test(test_compose SOURCES tests/unit/test_compose.c LABELS unit)
foreach(test test_machine_file test_compose) # they make allocations fail
  if(TARGET ${test})
    target_link_options(${test} PRIVATE
      LINKER:--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup)
  endif()
endforeach()

set(fake_folder ${CMAKE_BINARY_DIR}/tests/loading)
# fake_library(TARGET folder name source definitions...): folder/name.so, linked to nothing of ours
function(fake_library target folder name source)
  add_library(${target} MODULE ${source})
  set_target_properties(${target} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
    LIBRARY_OUTPUT_DIRECTORY ${fake_folder}/${folder} BUILD_WITH_INSTALL_RPATH ON)
  target_include_directories(${target} PRIVATE host)
  target_compile_definitions(${target} PRIVATE ${ARGN})
endfunction()

foreach(slot openblas cuda cublas)
  fake_library(fake_${slot} good libwhycpu-${slot} tests/fakes/plugin.c FAKE_SLOT="${slot}")
endforeach()
fake_library(fake_emulated good libwhycpu-cuda-emulated tests/fakes/plugin.c FAKE_SLOT="cuda")
fake_library(fake_other_abi abi libwhycpu-openblas tests/fakes/plugin_broken.c FAKE_OTHER_ABI)
fake_library(fake_no_symbol symbol libwhycpu-openblas tests/fakes/plugin_broken.c FAKE_NO_SYMBOL)
add_library(fake_gone SHARED tests/fakes/plugin_broken.c) # there to link to, not to be found
set_target_properties(fake_gone PROPERTIES OUTPUT_NAME whycpu-gone
                      LIBRARY_OUTPUT_DIRECTORY ${fake_folder}/hidden)
target_include_directories(fake_gone PRIVATE host)
target_compile_definitions(fake_gone PRIVATE FAKE_GONE)
fake_library(fake_needs needs libwhycpu-openblas tests/fakes/plugin_broken.c FAKE_NEEDS_GONE)
target_link_libraries(fake_needs PRIVATE fake_gone)
add_library(fake_cudnn_99 SHARED tests/fakes/plugin_broken.c) # a libcudnn.so.99, nowhere to be found
set_target_properties(fake_cudnn_99 PROPERTIES OUTPUT_NAME cudnn SOVERSION 99
                      LIBRARY_OUTPUT_DIRECTORY ${fake_folder}/hidden)
target_include_directories(fake_cudnn_99 PRIVATE host)
target_compile_definitions(fake_cudnn_99 PRIVATE FAKE_GONE)
fake_library(fake_needs_cudnn needs libwhycpu-cudnn tests/fakes/plugin_broken.c FAKE_NEEDS_GONE)
target_link_libraries(fake_needs_cudnn PRIVATE fake_cudnn_99)
fake_library(fake_libcuda driver libcuda tests/fakes/libcuda.c)
set_target_properties(fake_libcuda PROPERTIES SUFFIX ".so.1")

why_test(test_load SOURCES tests/unit/test_load.c LABELS unit
         ENVIRONMENT LD_LIBRARY_PATH=${fake_folder}/driver)
if(TARGET test_load)
  target_compile_definitions(test_load PRIVATE FAKE_FOLDER="${fake_folder}")
  add_dependencies(test_load fake_openblas fake_cuda fake_cublas fake_emulated fake_other_abi
                   fake_no_symbol fake_needs fake_needs_cudnn fake_libcuda)
  add_test(NAME test_load_without_libcuda COMMAND test_load without-libcuda)
  set_tests_properties(test_load_without_libcuda PROPERTIES LABELS unit SKIP_RETURN_CODE 77)
endif()
