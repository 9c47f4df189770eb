# The CUDA compiler, cuBLAS and cuDNN: CUDACXX, CUDA_HOME, the checkout's .toolkit/ (make toolkit), PATH,
# /usr/local/cuda. Sets nvcc_*, cublas_* and cudnn_* as why_find does; nvcc_architectures is what the cuda
# backend is compiled for, nvcc_flags how.
#
# A toolkit may be an installed one (lib64, targets/) or Python wheels (nvidia/cu13/lib): only
# bin/nvcc, include/ and lib or lib64 are taken for granted.

set(toolkit_folder ${CMAKE_SOURCE_DIR}/.toolkit/nvidia/cu13)
set(nvcc_found FALSE)
why_left_out(cuda nvcc_why)

if(NOT nvcc_why)
  if(WHYCPU_NVCC AND NOT EXISTS ${WHYCPU_NVCC})
    message(FATAL_ERROR "${WHYCPU_NVCC}, found by an earlier configure, is gone: "
                        "delete ${CMAKE_BINARY_DIR} and configure again")
  endif()
  if(DEFINED ENV{CUDACXX} AND NOT WHYCPU_NVCC)
    find_program(WHYCPU_NVCC NAMES $ENV{CUDACXX} NO_CACHE)
    if(NOT WHYCPU_NVCC)
      message(WARNING "CUDACXX=$ENV{CUDACXX} is no program; looking elsewhere")
    endif()
    set(WHYCPU_NVCC ${WHYCPU_NVCC} CACHE FILEPATH "The CUDA compiler")
  endif()
  # CUDA_HOME names a choice; .toolkit was fetched for this checkout; the rest is what there is.
  find_program(WHYCPU_NVCC nvcc HINTS $ENV{CUDA_HOME}/bin ${toolkit_folder}/bin
               PATHS /usr/local/cuda/bin DOC "The CUDA compiler")
  if(NOT WHYCPU_NVCC)
    string(CONCAT nvcc_why "no nvcc in CUDACXX, CUDA_HOME, .toolkit, PATH or /usr/local/cuda "
                           "(make toolkit fetches one)")
  endif()
endif()

# The toolkit's own folder, from the compiler that a link or a wrapper may stand for.
if(WHYCPU_NVCC)
  file(REAL_PATH ${WHYCPU_NVCC} nvcc_real)
  cmake_path(GET nvcc_real PARENT_PATH nvcc_bin)
  cmake_path(GET nvcc_bin PARENT_PATH toolkit_root)
endif()

# Compiles one line. A host compiler that nvcc does not take shows itself here, in nvcc's words,
# and not as an error in the middle of the build.
if(NOT nvcc_why)
  execute_process(COMMAND ${WHYCPU_NVCC} --version OUTPUT_VARIABLE words ERROR_VARIABLE words)
  string(REGEX MATCH "V([0-9.]+)" ignored "${words}")
  set(nvcc_number "${CMAKE_MATCH_1}")
  if(NOT WHYCPU_NVCC_WORKS STREQUAL "${nvcc_real} ${nvcc_number}")
    set(trial ${CMAKE_BINARY_DIR}/generated/trial.cu)
    file(WRITE ${trial} "__global__ void trial(float *x) { *x = 1; }\n")
    execute_process(COMMAND ${WHYCPU_NVCC} -c ${trial} -o ${trial}.o RESULT_VARIABLE status
                    OUTPUT_VARIABLE words ERROR_VARIABLE words)
    if(status EQUAL 0)
      set(WHYCPU_NVCC_WORKS "${nvcc_real} ${nvcc_number}" CACHE INTERNAL "")
    else()
      string(REGEX MATCH "[^\n]*(rror|not found|cannot)[^\n]*" line "${words}")
      set(nvcc_why "${WHYCPU_NVCC} cannot compile: ${line}")
    endif()
  endif()
endif()

# Writes --generate-code flags for the architectures and for PTX of the newest of them, which any
# later GPU can run: not of an `a` one, whose PTX runs nowhere else.
function(why_gencode architectures out_flags out_words)
  set(newest 0)
  set(flags "")
  set(words "")
  foreach(architecture ${architectures})
    list(APPEND flags "--generate-code=arch=compute_${architecture},code=sm_${architecture}")
    string(APPEND words " sm_${architecture}")
    string(REGEX REPLACE "[^0-9]" "" number ${architecture})
    if(number GREATER newest)
      set(newest ${number})
    endif()
  endforeach()
  list(APPEND flags "--generate-code=arch=compute_${newest},code=compute_${newest}")
  math(EXPR major "${newest} / 10")
  math(EXPR minor "${newest} % 10")
  set(${out_flags} "${flags}" PARENT_SCOPE)
  set(${out_words} "${words}, PTX ${major}.${minor}" PARENT_SCOPE)
endfunction()

if(NOT nvcc_why)
  execute_process(COMMAND ${WHYCPU_NVCC} --list-gpu-arch OUTPUT_VARIABLE known)
  string(REGEX MATCHALL "[0-9]+" known "${known}")
  set(nvcc_all "")
  foreach(architecture 75 80 86 89 90a 100 120)
    string(REGEX REPLACE "a$" "" number ${architecture})
    if(number IN_LIST known)
      list(APPEND nvcc_all ${architecture})
    endif()
  endforeach()
  if(WHYCPU_CUDA_ARCHITECTURES STREQUAL all)
    set(nvcc_architectures ${nvcc_all})
  else()
    set(nvcc_architectures "")
    foreach(architecture ${WHYCPU_CUDA_ARCHITECTURES})
      string(REGEX REPLACE "[a-z]$" "" number ${architecture})
      if(NOT number IN_LIST known)
        list(JOIN known " " known)
        message(FATAL_ERROR "WHYCPU_CUDA_ARCHITECTURES: nvcc ${nvcc_number} has no "
                            "${architecture}; it has ${known}, and `all` is allowed")
      endif()
      list(APPEND nvcc_architectures ${architecture})
    endforeach()
  endif()
  why_gencode("${nvcc_architectures}" nvcc_gencode nvcc_words)

  set(nvcc_flags -Xcompiler=-Wall,-Wextra)
  if(WHYCPU_WERROR)
    list(APPEND nvcc_flags --Werror=all-warnings -Xcompiler=-Werror)
  endif()
  # A wheel has lib where nvcc's own profile looks in lib64.
  if(EXISTS ${toolkit_root}/lib/libcudart_static.a AND NOT EXISTS ${toolkit_root}/lib64)
    set(CMAKE_CUDA_FLAGS "${CMAKE_CUDA_FLAGS} -L${toolkit_root}/lib")
  endif()
  set(CMAKE_CUDA_COMPILER ${WHYCPU_NVCC})
  set(CMAKE_CUDA_ARCHITECTURES OFF) # nvcc_gencode says it, with PTX of the newest alone
  set(CMAKE_CUDA_STANDARD 17)
  set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
  enable_language(CUDA)
  set(CMAKE_CUDA_FLAGS_RELWITHDEBINFO "-O3 -g -lineinfo")
  set(nvcc_found TRUE)
  list(APPEND nvcc_flags ${nvcc_gencode})
  set(nvcc_version "nvcc ${nvcc_number},${nvcc_words}")
  set(nvcc_where ${WHYCPU_NVCC})
  string(REGEX MATCH "^[0-9]+\\.[0-9]+" nvcc_release "${nvcc_number}")
  set(nvcc_definitions "WHY_CUDA_BUILD=\"CUDA ${nvcc_release},${nvcc_words}\"")
endif()

# cuBLAS and cuDNN: beside the compiler, or as Python wheels where there is only a Python.
set(cublas_places $ENV{CUDA_HOME} ${toolkit_root} ${toolkit_folder} /usr/local/cuda)
set(cudnn_places ${cublas_places} ${CMAKE_SOURCE_DIR}/.toolkit/nvidia/cudnn)
find_program(WHYCPU_PYTHON python3)
if(WHYCPU_PYTHON)
  execute_process(
    COMMAND ${WHYCPU_PYTHON} -c "import sys; print(';'.join(p + '/nvidia' for p in sys.path if p))"
    OUTPUT_VARIABLE places OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  foreach(place ${places})
    list(APPEND cublas_places ${place}/cu13)
    list(APPEND cudnn_places ${place}/cudnn)
  endforeach()
endif()
why_find(cublas cuBLAS HEADER cublasLt.h LIBRARY cublasLt libcublasLt.so.13 libcublasLt.so.12
         HINTS ${cublas_places})
if(cublas_found)
  file(STRINGS ${cublas_include}/cublas_api.h lines REGEX "define CUBLAS_VER_(MAJOR|MINOR|PATCH) ")
  string(REGEX MATCHALL "[0-9]+" numbers "${lines}")
  list(JOIN numbers "." numbers)
  set(cublas_version "cuBLAS ${numbers}")
endif()

# Its header includes the CUDA runtime's, which a wheel keeps elsewhere.
why_find(cudnn cuDNN HEADER cudnn_ops.h LIBRARY cudnn libcudnn.so.9 HINTS ${cudnn_places})
find_path(cudart_include cuda_runtime_api.h HINTS ${cublas_places} PATH_SUFFIXES include)
mark_as_advanced(cudart_include)
if(cudnn_found)
  file(STRINGS ${cudnn_include}/cudnn_version.h lines
       REGEX "define CUDNN_(MAJOR|MINOR|PATCHLEVEL) +[0-9]")
  string(REGEX MATCHALL "[0-9]+" numbers "${lines}")
  list(JOIN numbers "." numbers)
  set(cudnn_version "cuDNN ${numbers}")
  if(numbers VERSION_LESS 9)
    set(cudnn_why "${cudnn_version} was found, 9 or later is needed")
  elseif(NOT cudart_include)
    set(cudnn_why "no cuda_runtime_api.h was found, which cuDNN's header includes")
  endif()
  if(cudnn_why)
    set(cudnn_found FALSE)
  endif()
  list(APPEND cudnn_include ${cudart_include})
endif()
