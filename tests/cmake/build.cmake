# Tests of the build itself: every kernel for the architectures that it leaves out, what may be
# absent, install, sanitizers, format, lint, the scripts.

# Each .cu for the architectures of the catalog that the build itself leaves out, warnings as errors:
# one test a file, in parallel. 8.6 and 8.9 take the code of 8.0, which the build has: `make test-full`
# compiles for them too.
file(GLOB cuda_files CONFIGURE_DEPENDS kernels/*.cu)
function(why_nvcc_tests name label architectures)
  why_gencode("${architectures}" gencode words)
  message(STATUS "  tests   ${name}       ${words}")
  foreach(file ${cuda_files})
    get_filename_component(stem ${file} NAME_WE)
    add_test(NAME ${name}_${stem} COMMAND ${WHYCPU_NVCC} -std=c++17 -O3 ${gencode}
      --Werror=all-warnings -Xcompiler=-Wall,-Wextra,-Werror -Xcompiler=-fPIC
      -DWHY_CUDA_BUILD="" -I ${CMAKE_SOURCE_DIR}/host
      -c ${file} -o ${CMAKE_BINARY_DIR}/generated/${stem}.${name}.o)
    set_tests_properties(${name}_${stem} PROPERTIES LABELS ${label} TIMEOUT 600 COST 100)
  endforeach()
endfunction()
if(nvcc_found)
  set(others ${nvcc_all})
  list(REMOVE_ITEM others ${nvcc_architectures} 86 89)
  if(NOT others)
    set(others ${nvcc_all})
  endif()
  why_nvcc_tests(nvcc nvcc "${others}")
  why_nvcc_tests(nvcc_like_80 full "86;89")
else()
  why_skip(nvcc "${nvcc_why}" LABELS nvcc)
endif()

why_script(format tools/format.sh --check LABELS style)
why_script(tidy tools/tidy.sh --quick ${CMAKE_BINARY_DIR} LABELS style TIMEOUT 600 PROCESSORS 2)
why_script(tidy_deep tools/tidy.sh ${CMAKE_BINARY_DIR} LABELS full TIMEOUT 900 PROCESSORS 2)
why_script(shell tests/build/shell.sh LABELS style)
why_script(install tests/build/install.sh LABELS build TIMEOUT 120)
why_script(version tests/build/version.sh LABELS build)
why_script(setup tests/build/setup.sh LABELS build)
why_script(options tests/build/options.sh LABELS build TIMEOUT 300)

# The same tests under sanitizers, in builds of their own; not inside a sanitizer build.
if(NOT WHYCPU_SANITIZE)
  why_script(sanitize_address tests/build/sanitize.sh address,undefined unit,emulation,faults,explain,doctor
             fault_pairs LABELS sanitize TIMEOUT 900 PROCESSORS 2)
  # The fake cuBLAS asks the loader for names, which the loader, not ours, has written.
  why_script(sanitize_memory tests/build/sanitize.sh memory emulation "cublas|test_stream"
             LABELS sanitize TIMEOUT 900 PROCESSORS 2)
  why_script(sanitize_hostile tests/build/sanitize.sh address,undefined hostile LABELS full
             TIMEOUT 900 PROCESSORS 2)
  why_script(absent tests/build/absent.sh LABELS full TIMEOUT 600 PROCESSORS 2)
  why_script(gpu_check_rehearsal tests/build/gpu_check.sh LABELS full TIMEOUT 600 PROCESSORS 2)
endif()
