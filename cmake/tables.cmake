# The doctor's tables, host/doctor/tables/*.csv, as arrays of bytes that are built in: TABLE_NAME and
# TABLE_NAME_length. Made at configure, and again when a table changes.
file(GLOB tables CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/host/doctor/tables/*.csv)
set(tables_source ${CMAKE_BINARY_DIR}/generated/tables.c)
set(words "// Made by cmake/tables.cmake from host/doctor/tables.\n#include \"table_bytes.h\"\n")
foreach(file ${tables})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  cmake_path(GET file STEM name)
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
  string(APPEND words "unsigned char table_${name}[] = {${bytes}0};\n"
                      "const size_t table_${name}_length = sizeof table_${name} - 1;\n")
endforeach()
file(CONFIGURE OUTPUT ${tables_source} CONTENT "${words}" @ONLY)
target_sources(whycpu_objects PRIVATE ${tables_source})
