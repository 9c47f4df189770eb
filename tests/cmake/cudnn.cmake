# The cudnn plug-in against a fake libcudnn: needs the headers, neither the library nor a GPU, so it
# runs in sanitizer builds as well, where the plug-in itself is left out.
find_path(fake_cudnn_include cudnn_ops.h HINTS ${cudnn_include} ${cudnn_places}
          PATH_SUFFIXES include)
mark_as_advanced(fake_cudnn_include)
set(fake_cudnn_why "")
if(NOT fake_cudnn_include)
  set(fake_cudnn_why "no cudnn_ops.h was found")
elseif(NOT cudart_include)
  set(fake_cudnn_why "no cuda_runtime_api.h was found, which cuDNN's header includes")
else()
  file(STRINGS ${fake_cudnn_include}/cudnn_version.h major REGEX "define CUDNN_MAJOR [0-9]+")
  string(REGEX MATCH "[0-9]+" CUDNN_MAJOR "${major}")
  if(CUDNN_MAJOR LESS 9)
    set(fake_cudnn_why "cudnn_ops.h is version ${CUDNN_MAJOR}'s, 9 or later is needed")
  endif()
endif()
if(fake_cudnn_why)
  why_skip(test_cudnn "${fake_cudnn_why}" LABELS unit faults)
  why_skip(test_cudnn_emulated "${fake_cudnn_why}" LABELS emulation faults)
  return()
endif()

# The fake takes the place of the headers' own library: same soname, same version of its symbols.
set(fake_cudnn_folder ${CMAKE_BINARY_DIR}/tests/fakes/cudnn)
configure_file(${CMAKE_SOURCE_DIR}/tests/fakes/cudnn.map.in ${fake_cudnn_folder}/cudnn.map @ONLY)
add_library(fake_cudnn SHARED tests/fakes/cudnn.c tests/fakes/cudnn_graph.c
                              tests/fakes/emulation.c)
set_target_properties(fake_cudnn PROPERTIES
  OUTPUT_NAME cudnn SOVERSION ${CUDNN_MAJOR} LIBRARY_OUTPUT_DIRECTORY ${fake_cudnn_folder}
  C_VISIBILITY_PRESET default LINK_DEPENDS ${fake_cudnn_folder}/cudnn.map)
target_include_directories(fake_cudnn PRIVATE host kernels)
target_include_directories(fake_cudnn SYSTEM PUBLIC ${fake_cudnn_include} ${cudart_include})
target_link_options(fake_cudnn PRIVATE -Wl,--version-script=${fake_cudnn_folder}/cudnn.map)
target_link_libraries(fake_cudnn PRIVATE m dl)

# The plug-in on it, beside the emulated devices: a plug-in folder in which all of it runs. DT_RPATH,
# since DT_RUNPATH would give way to a real library in LD_LIBRARY_PATH.
file(CREATE_LINK ${CMAKE_BINARY_DIR}/lib/whycpu/libwhycpu-cuda-emulated.so
     ${fake_cudnn_folder}/libwhycpu-cuda-emulated.so SYMBOLIC)
add_library(cudnn_on_fake MODULE kernels/cudnn.c kernels/cudnn_conv2d.c kernels/cudnn_softmax.c
                                 kernels/trial.c)
set_target_properties(cudnn_on_fake PROPERTIES
  OUTPUT_NAME whycpu-cudnn LIBRARY_OUTPUT_DIRECTORY ${fake_cudnn_folder})
target_include_directories(cudnn_on_fake PRIVATE host)
target_link_options(cudnn_on_fake PRIVATE -Wl,--disable-new-dtags)
target_link_libraries(cudnn_on_fake PRIVATE fake_cudnn m)

foreach(name test_cudnn test_cudnn_emulated)
  set(labels unit)
  if(name MATCHES emulated)
    set(labels emulation)
  endif()
  why_test(${name} SOURCES tests/unit/${name}.c tests/fakes/device.c tests/fakes/on_fake.c
           LIBS fake_cudnn LABELS ${labels} faults)
  if(TARGET ${name})
    target_link_options(${name} PRIVATE -Wl,--disable-new-dtags)
    target_compile_definitions(${name} PRIVATE
      PLUGINS="${fake_cudnn_folder}" PLUGIN="$<TARGET_FILE:cudnn_on_fake>")
    add_dependencies(${name} cudnn_on_fake)
  endif()
endforeach()
if(TARGET test_cudnn_emulated AND TARGET backend_cuda-emulated)
  add_dependencies(test_cudnn_emulated backend_cuda-emulated)
endif()
