// What an answer of the CUDA runtime means to whycpu: which reason, and in which words.
#pragma once
#include "whycpu.h"
#include <cuda_runtime.h>
#include <stdio.h>

// The errors after which the context or the device is of no use any more ("the process must be
// terminated and relaunched", says the CUDA Runtime API's list of them), or the device has gone.
static inline enum why_reason reason_of(cudaError_t error) {
  switch (error) {
  case cudaSuccess:
    return WHY_OK;
  case cudaErrorMemoryAllocation:
    return WHY_ALLOC_FAILED;
  case cudaErrorDevicesUnavailable:
  case cudaErrorECCUncorrectable:
  case cudaErrorNvlinkUncorrectable:
  case cudaErrorContained:
  case cudaErrorIllegalAddress:
  case cudaErrorLaunchTimeout:
  case cudaErrorContextIsDestroyed:
  case cudaErrorAssert:
  case cudaErrorHardwareStackError:
  case cudaErrorIllegalInstruction:
  case cudaErrorMisalignedAddress:
  case cudaErrorInvalidAddressSpace:
  case cudaErrorInvalidPc:
  case cudaErrorLaunchFailure:
    return WHY_DEVICE_LOST;
  default:
    return WHY_CALL_FAILED;
  }
}

// "cudaErrorInvalidValue: invalid argument", valid for ever. Two threads that fill a place at once
// write the same bytes.
inline const char *words_of(cudaError_t error) {
  static char words[1000][160]; // the largest code is cudaErrorUnknown, 999
  unsigned code = (unsigned)error;
  if (code >= 1000) return "an error that the CUDA runtime has no name for";
  snprintf(words[code], sizeof words[code], "%s: %s", cudaGetErrorName(error),
           cudaGetErrorString(error));
  return words[code];
}
