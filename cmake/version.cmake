# Writes OUT with the version and commit of SOURCE, only when they have changed, so that nothing is
# rebuilt for a commit that was already known. A copy without .git may be told in WHYCPU_COMMIT.
cmake_minimum_required(VERSION 3.25)
set(commit unknown)
if(DEFINED ENV{WHYCPU_COMMIT})
  set(commit $ENV{WHYCPU_COMMIT})
endif()
execute_process(COMMAND git -C ${SOURCE} rev-parse --show-toplevel
                OUTPUT_VARIABLE top OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
file(REAL_PATH "${SOURCE}" real)
if(top STREQUAL real) # not a tarball that lies inside somebody else's repository
  execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12
                  OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(described)
    set(commit ${described})
  endif()
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT
"#define WHY_VERSION \"${VERSION}\"
#define WHY_COMMIT \"${commit}\"
")
