# Libraries that may each be absent: where they are looked for, and why one was not taken.
#
# why_find(NAME what HEADER h LIBRARY l... PC module SUFFIXES folders... HINTS folders...
#          VERSION_HEADER h VERSION_MACRO m) sets NAME_found, NAME_include, NAME_library,
# NAME_version and NAME_where, or NAME_why when it was not found. It looks again at each configure
# for what was absent the last time. .packages/ may hold Debian packages for where none can be fetched
# (tools/carry.sh); they are unpacked into the build folder.

set(known_parts cuda cublas cudnn openblas onednn hwloc minpack libelf libarchive)
foreach(part ${WHYCPU_WITHOUT})
  if(NOT part IN_LIST known_parts)
    list(JOIN known_parts ", " known)
    message(FATAL_ERROR "WHYCPU_WITHOUT=${part}: no such part; there are ${known}")
  endif()
endforeach()
set(carried ${CMAKE_SOURCE_DIR}/.packages/packages.tar.gz)
set(packages ${CMAKE_BINARY_DIR}/.packages/usr)
if(EXISTS ${carried} AND ${carried} IS_NEWER_THAN ${packages})
  file(ARCHIVE_EXTRACT INPUT ${carried} DESTINATION ${CMAKE_BINARY_DIR}/.packages TOUCH)
endif()
find_package(PkgConfig QUIET)

# Why a part is not even looked for, or "".
function(why_left_out name out)
  set(${out} "" PARENT_SCOPE)
  if(name IN_LIST WHYCPU_WITHOUT)
    set(${out} "left out by WHYCPU_WITHOUT" PARENT_SCOPE)
  elseif(WHYCPU_SANITIZE MATCHES memory AND NOT name STREQUAL cmocka)
    set(${out} "left out: MemorySanitizer takes what it did not compile for uninitialised"
        PARENT_SCOPE)
  elseif(WHYCPU_SANITIZE AND name MATCHES "^cu")
    set(${out} "left out of sanitizer builds, which run the emulated kernels" PARENT_SCOPE)
  endif()
endfunction()

function(why_find name what)
  cmake_parse_arguments(arg "" "HEADER;PC;VERSION_HEADER;VERSION_MACRO" "LIBRARY;SUFFIXES;HINTS"
                        ${ARGN})
  set(${name}_found FALSE PARENT_SCOPE)
  why_left_out(${name} why)
  if(why)
    set(${name}_why "${why}" PARENT_SCOPE)
    return()
  endif()
  if(PKG_CONFIG_FOUND AND arg_PC)
    pkg_check_modules(pc_${name} QUIET ${arg_PC})
  endif()
  set(machine ${CMAKE_LIBRARY_ARCHITECTURE})
  find_path(${name}_include ${arg_HEADER}
            HINTS ${arg_HINTS} ${pc_${name}_INCLUDE_DIRS} ${packages}/include
                  ${packages}/include/${machine} /usr/include/${machine}
            PATH_SUFFIXES ${arg_SUFFIXES} include)
  find_library(${name}_library NAMES ${arg_LIBRARY} NAMES_PER_DIR
               HINTS ${arg_HINTS} ${pc_${name}_LIBRARY_DIRS} ${packages}/lib/${machine}
                     /usr/lib/${machine}
               PATH_SUFFIXES ${arg_SUFFIXES} lib lib64)
  mark_as_advanced(${name}_include ${name}_library)
  if(NOT ${name}_include)
    set(${name}_why "no ${arg_HEADER} was found" PARENT_SCOPE)
  elseif(NOT ${name}_library)
    list(GET arg_LIBRARY 0 first)
    set(${name}_why "${arg_HEADER} is in ${${name}_include}, but no lib${first} was found"
        PARENT_SCOPE)
  else()
    set(${name}_found TRUE PARENT_SCOPE)
    # hwloc.h lies in include/, the header that it includes in include/x86_64-linux-gnu.
    if(machine AND EXISTS ${${name}_include}/${machine})
      set(${name}_include ${${name}_include} ${${name}_include}/${machine} PARENT_SCOPE)
    endif()
    set(version "")
    if(arg_VERSION_HEADER AND EXISTS ${${name}_include}/${arg_VERSION_HEADER})
      file(STRINGS ${${name}_include}/${arg_VERSION_HEADER} line
           REGEX "define[ \t]+${arg_VERSION_MACRO}[ \t]")
      string(REGEX MATCH "[0-9]+(\\.[0-9]+)+" version "${line}")
    endif()
    if(NOT version)
      set(version "${pc_${name}_VERSION}")
    endif()
    string(STRIP "${what} ${version}" words)
    set(${name}_version "${words}" PARENT_SCOPE)
    set(${name}_where ${${name}_library} PARENT_SCOPE)
  endif()
endfunction()

why_find(openblas OpenBLAS HEADER openblas_config.h LIBRARY openblas PC openblas
         SUFFIXES openblas-pthread openblas
         VERSION_HEADER openblas_config.h VERSION_MACRO OPENBLAS_VERSION)
why_find(onednn oneDNN HEADER oneapi/dnnl/dnnl.h LIBRARY dnnl PC dnnl)
why_find(hwloc hwloc HEADER hwloc.h LIBRARY hwloc PC hwloc)
why_find(libelf libelf HEADER libelf.h LIBRARY elf PC libelf)
why_find(libarchive libarchive HEADER archive.h LIBRARY archive PC libarchive)
why_find(minpack MINPACK HEADER cminpack.h LIBRARY cminpack PC cminpack SUFFIXES cminpack-1)

# oneDNN's number is in three macros; the backend speaks the interface of 2, and sets the threads of
# the OpenMP that Debian's library is linked to.
find_library(onednn_gomp NAMES libgomp.so.1 gomp HINTS ${packages}/lib/${CMAKE_LIBRARY_ARCHITECTURE}
             ${CMAKE_C_IMPLICIT_LINK_DIRECTORIES})
mark_as_advanced(onednn_gomp)
if(onednn_found)
  list(GET onednn_include 0 folder)
  file(STRINGS ${folder}/oneapi/dnnl/dnnl_version.h lines
       REGEX "define DNNL_VERSION_(MAJOR|MINOR|PATCH) ")
  string(REGEX MATCHALL "[0-9]+" numbers "${lines}")
  list(JOIN numbers "." numbers)
  set(onednn_version "oneDNN ${numbers}")
  if(NOT numbers MATCHES "^2\\.")
    set(onednn_found FALSE)
    set(onednn_why "oneDNN ${numbers} is in ${folder}, and this backend is written for 2")
  elseif(NOT onednn_gomp)
    set(onednn_found FALSE)
    set(onednn_why "oneDNN ${numbers} is in ${folder}, but no libgomp was found")
  endif()
  set(onednn_library ${onednn_library} ${onednn_gomp})
endif()
