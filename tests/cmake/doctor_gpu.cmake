# What the driver answers: asked of fake drivers, in folders of their own, and read from files.
set(fake_driver_folder ${CMAKE_BINARY_DIR}/tests/driver)
# fake_driver(folder name source definitions...): folder/name.so.1
function(fake_driver folder name source)
  set(target fake_driver_${folder}_${name})
  add_library(${target} MODULE ${source})
  set_target_properties(${target} PROPERTIES PREFIX "" SUFFIX ".so.1" OUTPUT_NAME ${name}
    LIBRARY_OUTPUT_DIRECTORY ${fake_driver_folder}/${folder})
  target_compile_definitions(${target} PRIVATE ${ARGN})
  add_dependencies(test_ask ${target})
endfunction()

why_test(test_ask SOURCES tests/doctor/test_ask.c tests/doctor/tree.c LABELS unit)
why_test(test_gpu_json SOURCES tests/doctor/test_gpu_json.c tests/doctor/tree.c LABELS unit)
if(TARGET test_ask)
  target_compile_definitions(test_ask PRIVATE FAKE_FOLDER="${fake_driver_folder}")
  fake_driver(whole libcuda tests/doctor/fake_libcuda.c)
  fake_driver(whole libnvidia-ml tests/doctor/fake_libnvml.c)
  fake_driver(old libnvidia-ml tests/doctor/fake_libnvml.c FAKE_OLD)
  fake_driver(empty libcuda tests/doctor/fake_nothing.c)
  fake_driver(empty libnvidia-ml tests/doctor/fake_nothing.c)
endif()
