# What can fail does: calls of the device, of the libraries, of the host's memory; and the device is
# lost. Each prints how many faults were survived.
foreach(name test_faults test_fault_pairs test_fault_lost test_fault_memory)
  why_test(${name} SOURCES tests/plans/${name}.c tests/plans/faults.c tests/emulated.c
           LABELS faults TIMEOUT 300)
  if(TARGET ${name})
    add_dependencies(${name} backend_cuda-emulated)
  endif()
endforeach()
if(TARGET test_fault_memory)
  target_link_options(test_fault_memory PRIVATE
    LINKER:--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup)
endif()

# On the fakes of libraries, which the snippets before this one make where their headers are.
foreach(library cublas cudnn)
  set(fake ${library})
  if(library STREQUAL cublas)
    set(fake cublaslt)
  endif()
  set(name test_fault_${library})
  if(NOT TARGET fake_${fake})
    why_skip(${name} "there is no fake of ${library} without its headers" LABELS faults)
    continue()
  endif()
  string(TOUPPER ${library} upper)
  why_test(${name} SOURCES tests/plans/test_fault_library.c tests/plans/faults.c tests/emulated.c
           LIBS fake_${fake} LABELS faults TIMEOUT 300)
  if(TARGET ${name})
    target_link_options(${name} PRIVATE -Wl,--disable-new-dtags)
    target_compile_definitions(${name} PRIVATE
      FAKE_${upper} PLUGINS="$<TARGET_FILE_DIR:${library}_on_fake>")
    add_dependencies(${name} ${library}_on_fake backend_cuda-emulated)
  endif()
endforeach()

if(TARGET backend_cuda-emulated)
  why_script(cli_lost_device tests/cli/lost_device.py LABELS cli)
endif()
