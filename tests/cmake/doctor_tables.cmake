# The doctor's tables, and what this build says of itself.
why_test(test_csv_rows SOURCES tests/doctor/test_csv_rows.c LABELS unit)
why_test(test_tables SOURCES tests/doctor/test_tables.c LABELS unit)
why_test(test_self SOURCES tests/doctor/test_self.c LABELS unit)
if(TARGET test_self)
  list(JOIN nvcc_architectures " " words) # a semicolon would end the compiler's command
  target_compile_definitions(test_self PRIVATE
    NVCC_RELEASE="${nvcc_release}" NVCC_ARCHITECTURES="${words}")
endif()
