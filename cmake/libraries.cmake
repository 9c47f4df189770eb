# Libraries that may each be absent: where they are looked for, and why one was not taken.
#
# why_find(NAME what HEADER h LIBRARY l... PC module SUFFIXES folders... HINTS folders...
#          VERSION_HEADER h VERSION_MACRO m) sets NAME_found, NAME_include, NAME_library,
# NAME_version and NAME_where, or NAME_why when it was not found. It looks again at each configure
# for what was absent the last time. .packages/ holds unpacked Debian packages (tools/carry.sh).

set(known_parts cuda cublas openblas hwloc)
foreach(part ${WHYCPU_WITHOUT})
  if(NOT part IN_LIST known_parts)
    list(JOIN known_parts ", " known)
    message(FATAL_ERROR "WHYCPU_WITHOUT=${part}: no such part; there are ${known}")
  endif()
endforeach()
set(packages ${CMAKE_SOURCE_DIR}/.packages/usr)
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
why_find(hwloc hwloc HEADER hwloc.h LIBRARY hwloc PC hwloc)
