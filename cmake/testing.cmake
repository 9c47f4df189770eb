# Tests: how one is declared. Snippets in tests/cmake/*.cmake use it.
#
# why_test(NAME SOURCES files... [LIBS targets...] [LABELS labels...] [ENVIRONMENT A=b...]
#          [TIMEOUT seconds])
#     A cmocka program over the host library's static twin, so that it reaches what the library
#     does not export, and over the program's parts. Includes host/, kernels/, bench/ and tests/. It is given
#       WHY_TEST_SOURCE   the checkout           WHY_TEST_PLUGINS  the folder of the plug-ins
#       WHY_TEST_PROGRAM  build/bin/whycpu       WHY_TEST_DATA     build/share/whycpu
#     as string macros. A program that cannot run here prints why and returns 77: skipped.
# why_script(NAME script [arguments...] [LABELS ...] [ENVIRONMENT ...] [TIMEOUT s] [PROCESSORS n])
#     A shell or Python script (by its ending), with the same four names in its environment, and
#     WHY_TEST_BUILD the build folder. 77: skipped.
# why_skip(NAME reason [LABELS ...])
#     A test that this machine cannot run: listed as skipped, with the reason.
#
# Labels: unit, emulation, cli, explain, faults, doctor, hostile (fast, sanitized too); build, style, nvcc (this
# build); gpu (needs one); full (only in `make test-full`). `make test` runs all but full and gpu.

why_find(cmocka cmocka HEADER cmocka.h LIBRARY cmocka PC cmocka)
add_dependencies(whycpu_program whycpu) # scripts run the one and load the other

set(why_test_environment
  WHY_TEST_SOURCE=${CMAKE_SOURCE_DIR} WHY_TEST_BUILD=${CMAKE_BINARY_DIR}
  WHY_TEST_PROGRAM=${CMAKE_BINARY_DIR}/bin/whycpu WHY_TEST_PLUGINS=${CMAKE_BINARY_DIR}/lib/whycpu
  WHY_TEST_DATA=${CMAKE_BINARY_DIR}/share/whycpu
  XDG_CACHE_HOME=${CMAKE_BINARY_DIR}/tests/cache) # no calibration of the user's, and none kept there

# The target LABEL_tests builds what the tests of that label run.
function(why_needs labels target)
  foreach(label ${labels})
    if(NOT TARGET ${label}_tests)
      add_custom_target(${label}_tests)
    endif()
    add_dependencies(${label}_tests ${target} backends)
  endforeach()
endfunction()

function(why_skip name reason)
  cmake_parse_arguments(arg "" "" "LABELS" ${ARGN})
  add_test(NAME ${name} COMMAND ${CMAKE_COMMAND} -E echo "SKIP: ${reason}")
  set_tests_properties(${name} PROPERTIES SKIP_REGULAR_EXPRESSION "^SKIP: " LABELS "${arg_LABELS}")
  why_needs("${arg_LABELS}" backends)
endfunction()

function(why_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;LIBS;LABELS;ENVIRONMENT" ${ARGN})
  if(NOT cmocka_found)
    why_skip(${name} "no cmocka here: ${cmocka_why}" LABELS ${arg_LABELS})
    return()
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  add_executable(${name} ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests ENABLE_EXPORTS ON)
  target_include_directories(${name} PRIVATE
    ${CMAKE_SOURCE_DIR}/host ${CMAKE_SOURCE_DIR}/kernels ${CMAKE_SOURCE_DIR}/bench
    ${CMAKE_SOURCE_DIR}/tests ${CMAKE_BINARY_DIR}/generated)
  target_include_directories(${name} SYSTEM PRIVATE ${cmocka_include})
  target_compile_definitions(${name} PRIVATE
    WHY_TEST_SOURCE="${CMAKE_SOURCE_DIR}" WHY_TEST_PROGRAM="${CMAKE_BINARY_DIR}/bin/whycpu"
    WHY_TEST_PLUGINS="${CMAKE_BINARY_DIR}/lib/whycpu"
    WHY_TEST_DATA="${CMAKE_BINARY_DIR}/share/whycpu")
  add_dependencies(${name} whycpu_version)
  target_link_libraries(${name} PRIVATE ${arg_LIBS} whycpu_bench whycpu_testable ${cmocka_library})
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT}
    SKIP_RETURN_CODE 77 ENVIRONMENT "${arg_ENVIRONMENT}")
  why_needs("${arg_LABELS}" ${name})
endfunction()

function(why_script name script)
  cmake_parse_arguments(arg "" "TIMEOUT;PROCESSORS" "LABELS;ENVIRONMENT" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  if(NOT arg_PROCESSORS)
    set(arg_PROCESSORS 1)
  endif()
  get_filename_component(path ${script} ABSOLUTE)
  set(runner bash)
  if(script MATCHES "\\.py$")
    if(NOT WHYCPU_PYTHON)
      why_skip(${name} "no python3 here" LABELS ${arg_LABELS})
      return()
    endif()
    set(runner ${WHYCPU_PYTHON})
  endif()
  add_test(NAME ${name} COMMAND ${runner} ${path} ${arg_UNPARSED_ARGUMENTS})
  set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT}
    PROCESSORS ${arg_PROCESSORS} SKIP_RETURN_CODE 77
    ENVIRONMENT "${why_test_environment};${arg_ENVIRONMENT}")
  why_needs("${arg_LABELS}" whycpu_program)
endfunction()
