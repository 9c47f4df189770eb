# Streamed plans: sizing parts, staging, and the whole on the emulated device.
why_test(test_parts SOURCES tests/unit/test_parts.c tests/fixture.c LABELS unit)
why_test(test_stage SOURCES tests/unit/test_stage.c LABELS unit)
why_test(test_stream SOURCES tests/plans/test_stream.c tests/emulated.c tests/fixture.c
         LABELS emulation TIMEOUT 300)
if(TARGET test_stream)
  add_dependencies(test_stream backend_cuda-emulated)
endif()
