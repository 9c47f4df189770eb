# The onednn plug-in on the library itself.
if(NOT TARGET backend_onednn)
  why_skip(test_onednn "${onednn_why}" LABELS unit)
  return()
endif()
# The leak check crashes on the thread-local data that oneDNN, opened late, has in OpenMP's workers.
why_test(test_onednn SOURCES tests/unit/test_onednn.c LABELS unit TIMEOUT 300
         ENVIRONMENT LSAN_OPTIONS=use_tls=0)
if(TARGET test_onednn)
  set_tests_properties(test_onednn PROPERTIES PROCESSORS 2) # it times two threads
  add_dependencies(test_onednn backend_onednn)
  if(TARGET backend_openblas)
    add_dependencies(test_onednn backend_openblas)
  endif()
endif()
